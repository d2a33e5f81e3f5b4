use macadamia::hit;

#[hit(ttl = "1h", cache_hits = 10, update_after = 0)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
