use macadamia::hit;

struct Db;

#[hit(ttl = "1h", cache_hits = 10, update_after = 5, key = "page")]
async fn page(db: &Db, id: u64) -> u64 {
    let Db = db;
    id
}

fn main() {}
