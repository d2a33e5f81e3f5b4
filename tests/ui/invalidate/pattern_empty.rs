use macadamia::invalidate;

#[invalidate("")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
