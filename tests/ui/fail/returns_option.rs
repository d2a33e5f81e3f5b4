use macadamia::fail;

#[fail(ttl = "2h")]
async fn rates(currency: &str) -> Option<usize> {
    Some(currency.len())
}

fn main() {}
