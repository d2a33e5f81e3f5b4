use macadamia::invalidate;

#[invalidate(items(user.get(1) = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
