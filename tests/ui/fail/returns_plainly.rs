use macadamia::fail;

#[fail(ttl = "2h")]
async fn rates(currency: &str) -> Vec<usize> {
    vec![currency.len()]
}

fn main() {}
