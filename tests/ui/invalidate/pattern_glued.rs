use macadamia::invalidate;

#[invalidate("user:<id><name>")]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
