use macadamia::invalidate;

async fn profile(id: u64) -> u64 {
    id
}

#[invalidate(profile)]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
