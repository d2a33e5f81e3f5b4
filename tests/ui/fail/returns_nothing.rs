use macadamia::fail;

#[fail(ttl = "2h")]
async fn rates(currency: &str) {
    let _ = currency;
}

fn main() {}
