use macadamia::invalidate;

#[invalidate(items(page = id, page = _))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
