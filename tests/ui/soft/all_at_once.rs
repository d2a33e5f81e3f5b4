use macadamia::soft;

#[soft(ttl = "1h", soft_ttl = "1h", errors = Timeout, key = "<it>")]
async fn page(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
