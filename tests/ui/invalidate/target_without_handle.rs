use macadamia::{cached, invalidate};

#[cached(ttl = "3h", handle = false)]
async fn profile(id: u64) -> u64 {
    id
}

#[invalidate(profile(id = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
