use macadamia::cached;

const USERS: &str = "users";

#[cached(ttl = "1h", tags = ["all", USERS])]
async fn profile(id: u64) -> u64 {
    id
}

fn main() {}
