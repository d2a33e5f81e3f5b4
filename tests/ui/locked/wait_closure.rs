use macadamia::locked;

#[locked(wait = |account| account)]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
