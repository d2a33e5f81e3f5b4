use macadamia::early;

#[early(ttl = "1h", early_ttl = "2h", beta = -1.0, background = "no", key = "<it>")]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
