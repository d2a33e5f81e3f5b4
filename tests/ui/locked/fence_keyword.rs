use macadamia::locked;

#[locked(fence = self)]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
