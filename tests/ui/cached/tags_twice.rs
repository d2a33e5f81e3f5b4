use macadamia::cached;

#[cached(ttl = "1h", tags = ["users", "user:<id>", "users"])]
async fn profile(id: u64) -> u64 {
    id
}

fn main() {}
