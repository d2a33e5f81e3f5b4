use macadamia::circuit_breaker;

struct AppError;

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s")]
async fn search(words: &str) -> Result<usize, AppError> {
    words.parse().map_err(|_| AppError)
}

fn main() {}
