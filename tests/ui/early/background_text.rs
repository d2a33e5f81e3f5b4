use macadamia::early;

#[early(ttl = "1h", background = "no")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
