use macadamia::locked;

#[locked(lease = "10s")]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
