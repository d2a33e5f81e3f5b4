use macadamia::fail;

#[derive(Debug, Clone)]
enum AppError {
    Timeout(usize),
}

#[fail(ttl = "2h", errors = AppError::Timeout(_))]
async fn rates(currency: &str) -> usize {
    currency.len()
}

fn main() {}
