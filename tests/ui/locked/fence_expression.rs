use macadamia::locked;

#[locked(fence = "token")]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
