use macadamia::{cached, fail};

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[cached(ttl = "1m")]
#[fail(ttl = "2h", handle = Rates)]
async fn rates(currency: &str) -> Result<u64, AppError> {
    Err(AppError::Timeout(currency.len()))
}

fn main() {}
