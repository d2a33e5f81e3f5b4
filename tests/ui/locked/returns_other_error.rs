use macadamia::locked;

#[locked]
async fn pay(account: u64) -> Result<u64, String> {
    Ok(account)
}

fn main() {}
