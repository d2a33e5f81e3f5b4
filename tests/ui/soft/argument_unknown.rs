use macadamia::soft;

#[soft(ttl = "1h", softttl = "5m")]
async fn page(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
