use macadamia::fail;

struct Rates(usize);

#[fail(ttl = "2h")]
async fn rates(currency: &str) -> Result<Rates, String> {
    Ok(Rates(currency.len()))
}

fn main() {}
