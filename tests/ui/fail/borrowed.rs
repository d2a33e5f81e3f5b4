use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = "2h")]
async fn rates(currency: &str) -> Result<&str, AppError> {
    Ok(currency)
}

fn main() {}
