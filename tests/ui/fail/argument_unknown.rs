use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = "2h", error = AppError::Timeout(_))]
async fn rates(currency: &str) -> Result<u64, AppError> {
    Err(AppError::Timeout(currency.len()))
}

fn main() {}
