use macadamia::{cached, invalidate};

#[cached(ttl = "3h", cache = db, key = "user:<id>")]
async fn profile(db: &macadamia::Cache, id: u64) -> u64 {
    let _ = db;
    id
}

#[invalidate(profile(id = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
