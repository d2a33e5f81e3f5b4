use macadamia::invalidate;

#[invalidate(on = "always")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
