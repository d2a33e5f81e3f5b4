use macadamia::early;

#[early(ttl = "1h", key = "page")]
async fn page(ids: &mut Vec<u64>) -> u64 {
    ids.pop().unwrap_or_default()
}

fn main() {}
