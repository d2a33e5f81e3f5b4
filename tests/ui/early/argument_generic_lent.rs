use macadamia::early;

#[early(ttl = "1h", key = "page")]
async fn page<T: ToString + Sync>(id: &T) -> usize {
    id.to_string().len()
}

fn main() {}
