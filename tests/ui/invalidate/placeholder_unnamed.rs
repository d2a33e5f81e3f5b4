use macadamia::invalidate;

#[invalidate(items(id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
