use macadamia::cached;

#[cached(ttl = "1h", tags = "users")]
async fn profile(id: u64) -> u64 {
    id
}

fn main() {}
