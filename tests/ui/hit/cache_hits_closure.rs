use macadamia::hit;

#[hit(ttl = "1h", cache_hits = |page| page.hits())]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
