use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = |rate| rate.age())]
async fn rates(currency: &str) -> Result<u64, AppError> {
    Err(AppError::Timeout(currency.len()))
}

fn main() {}
