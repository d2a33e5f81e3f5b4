use macadamia::cached;

type Found = Option<u64>;

#[cached(ttl = "1h", key = "item:<id>", err_ttl = "5s")]
async fn item(id: u64) -> Found {
    Some(id)
}

fn main() {}
