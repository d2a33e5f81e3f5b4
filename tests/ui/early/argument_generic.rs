use macadamia::early;

#[early(ttl = "1h", key = "page")]
async fn page<T: Into<u64> + Send>(id: T) -> u64 {
    id.into()
}

fn main() {}
