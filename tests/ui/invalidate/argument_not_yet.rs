use macadamia::invalidate;

#[invalidate(items, tags = ["items"])]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
