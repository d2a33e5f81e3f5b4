use macadamia::early;

#[early(ttl = "forever")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
