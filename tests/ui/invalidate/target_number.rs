use macadamia::invalidate;

#[invalidate(items, 7)]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
