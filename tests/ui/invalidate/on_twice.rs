use macadamia::invalidate;

#[invalidate(items, on = "always", on = "before")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
