use macadamia::cached;

use std::collections::HashMap;

#[cached(ttl = "1h", many = ids)]
async fn profiles(ids: HashMap<u64, u64>) -> HashMap<u64, u64> {
    ids
}

fn main() {}
