use macadamia::early;

#[early(ttl = "1h", key = "page")]
async fn page(&(id, _): &(u64, u64), (ref name, _): (String, u64)) -> u64 {
    id + name.len() as u64
}

fn main() {}
