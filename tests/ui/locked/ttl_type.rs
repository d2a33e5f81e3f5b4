use macadamia::locked;

#[locked(ttl = limit, skip(limit))]
async fn pay(account: u64, limit: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
