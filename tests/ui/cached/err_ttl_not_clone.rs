use macadamia::cached;

#[derive(Debug)]
struct Failed;

#[cached(ttl = "1h", key = "item:<id>", err_ttl = "5s")]
async fn item(id: u64) -> Result<u64, Failed> {
    Ok(id)
}

fn main() {}
