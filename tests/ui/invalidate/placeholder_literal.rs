use macadamia::invalidate;

#[invalidate(items(3))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
