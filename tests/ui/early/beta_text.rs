use macadamia::early;

#[early(ttl = "1h", beta = "1.0")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
