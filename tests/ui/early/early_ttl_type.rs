use macadamia::early;

#[early(ttl = "1h", early_ttl = Some(id))]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
