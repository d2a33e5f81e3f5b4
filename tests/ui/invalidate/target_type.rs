use macadamia::invalidate;

struct User;

#[invalidate(User(id = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
