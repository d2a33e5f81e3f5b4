use macadamia::hit;

#[hit(ttl = "1h", cache_hits = 10, update_before = 1, key = "page")]
async fn page(ids: &mut Vec<u64>) -> u64 {
    ids.pop().unwrap_or_default()
}

fn main() {}
