use macadamia::early;

struct Db;

#[early(ttl = "1h", key = "page")]
async fn page(db: &Db, id: u64) -> u64 {
    let Db = db;
    id
}

fn main() {}
