use macadamia::locked;

#[locked(wait = "5s")]
#[locked(wait = false)]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
