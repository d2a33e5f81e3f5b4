use macadamia::early;

#[early(ttl = "1h", beta = id)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
