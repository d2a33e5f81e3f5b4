use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = "2h", prefix = "long")]
#[fail(ttl = "1h", handle = Rates)]
async fn rates(currency: &str) -> Result<u64, AppError> {
    Err(AppError::Timeout(currency.len()))
}

fn main() {}
