use macadamia::cached;
use std::collections::HashMap;

#[cached(many = ids, ttl = "3h", key = "user:<ids>", lock = true)]
async fn users(ids: &[u64]) -> HashMap<u64, String> {
    ids.iter().map(|id| (*id, id.to_string())).collect()
}

fn main() {}
