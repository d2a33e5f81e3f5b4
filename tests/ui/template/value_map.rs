use macadamia::cached;
use std::collections::HashMap;

#[cached(ttl = "3h", key = "by:<filters>")]
async fn profile(filters: &HashMap<String, String>) -> u64 {
    let _ = filters;
    1
}

fn main() {}
