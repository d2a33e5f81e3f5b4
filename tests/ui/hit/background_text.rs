use macadamia::hit;

#[hit(ttl = "1h", cache_hits = 10, update_before = 1, background = "no")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
