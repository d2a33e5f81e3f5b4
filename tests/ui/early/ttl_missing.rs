use macadamia::early;

#[early(early_ttl = "5m")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
