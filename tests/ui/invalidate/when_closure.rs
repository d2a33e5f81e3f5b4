use macadamia::invalidate;

#[invalidate(items, when = |done| done)]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
