use macadamia::cached;

use std::collections::HashMap;

#[cached(ttl = "1h", many = ids, err_ttl = "5s")]
async fn profiles(ids: &[u64]) -> Result<HashMap<u64, u64>, String> {
    Ok(ids.iter().map(|id| (*id, *id)).collect())
}

fn main() {}
