use macadamia::locked;

#[locked(ttl = 0)]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
