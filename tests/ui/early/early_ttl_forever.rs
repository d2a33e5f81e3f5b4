use macadamia::early;

#[early(ttl = "forever", early_ttl = "forever")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
