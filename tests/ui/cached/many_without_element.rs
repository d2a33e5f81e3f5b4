use macadamia::cached;

use std::collections::HashMap;

#[cached(ttl = "1h", many = ids, key = "profiles:<lang>")]
async fn profiles(ids: &[u64], lang: u8) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, u64::from(lang))).collect()
}

fn main() {}
