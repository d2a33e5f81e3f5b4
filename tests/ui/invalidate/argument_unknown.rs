use macadamia::invalidate;

#[invalidate(items, ttl = "3h")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
