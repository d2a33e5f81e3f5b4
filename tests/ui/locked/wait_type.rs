use macadamia::locked;

#[locked(wait = limit)]
async fn pay(account: u64, limit: Option<u64>) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
