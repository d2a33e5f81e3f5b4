use macadamia::locked;

#[locked]
async fn pay(account: u64) {
    let _ = account;
}

fn main() {}
