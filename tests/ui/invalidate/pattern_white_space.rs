use macadamia::invalidate;

#[invalidate("user: *")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
