use macadamia::soft;

#[soft(ttl = "forever")]
async fn page(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
