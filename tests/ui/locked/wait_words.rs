use macadamia::locked;

#[locked(wait = "a while")]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
