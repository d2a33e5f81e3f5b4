use macadamia::invalidate;

#[invalidate(items, on = "alwys")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
