use macadamia::early;

#[early(ttl = "1h", early_tl = "5m")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
