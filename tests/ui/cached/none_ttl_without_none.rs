use macadamia::cached;

type Answer = Result<u64, String>;

#[cached(ttl = "1h", key = "item:<id>", none_ttl = "5s")]
async fn item(id: u64) -> Answer {
    Ok(id)
}

fn main() {}
