use macadamia::hit;

#[hit(ttl = "1h", cache_hits = 4_294_967_296)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
