use macadamia::hit;

#[hit(ttl = "1h", cache_hits = "100")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
