use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = 0, key = "<currency.>", errors = AppError::Timeout(_) | All, tag = 1)]
async fn rates(currency: &str) -> Result<u64, AppError> {
    Err(AppError::Timeout(currency.len()))
}

fn main() {}
