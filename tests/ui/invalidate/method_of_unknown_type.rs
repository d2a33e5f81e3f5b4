use macadamia::invalidate;

#[invalidate(Repo::get(id = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
