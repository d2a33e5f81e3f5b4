use macadamia::hit;

#[hit(ttl = "0s", cache_hits = 10, update_before = 10, background = "no", condition = true)]
async fn page(id: &mut u64) -> u64 {
    *id
}

fn main() {}
