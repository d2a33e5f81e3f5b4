use macadamia::locked;

#[locked(ttl = "soon", wait = "0s", fence = 1, kez = "pay")]
async fn pay(account: u64) -> Result<u64, macadamia::Error> {
    Ok(account)
}

fn main() {}
