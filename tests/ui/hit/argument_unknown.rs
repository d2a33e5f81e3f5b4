use macadamia::hit;

#[hit(ttl = "1h", cache_hit = 3)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
