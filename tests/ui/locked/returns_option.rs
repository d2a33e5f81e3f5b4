use macadamia::locked;

#[locked]
async fn pay(account: u64) -> Option<u64> {
    Some(account)
}

fn main() {}
