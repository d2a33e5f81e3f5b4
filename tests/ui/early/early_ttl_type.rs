use macadamia::early;

#[early(ttl = "1h", early_ttl = "5m".to_owned())]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
