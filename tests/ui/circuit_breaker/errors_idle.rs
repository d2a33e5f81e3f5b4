use macadamia::circuit_breaker;

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", errors = AppError::Timeout)]
async fn search(words: &str) -> usize {
    words.len()
}

fn main() {}
