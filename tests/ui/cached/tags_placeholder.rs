use macadamia::cached;

#[cached(ttl = "1h", tags = ["user:<uid>"])]
async fn profile(id: u64) -> u64 {
    id
}

fn main() {}
