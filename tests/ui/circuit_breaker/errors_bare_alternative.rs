use macadamia::circuit_breaker;

enum AppError {
    Timeout,
    Refused,
}

impl From<macadamia::Error> for AppError {
    fn from(_: macadamia::Error) -> Self {
        Self::Refused
    }
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", errors = AppError::Refused | Timeout)]
async fn search(words: &str) -> Result<usize, AppError> {
    words.parse().map_err(|_| AppError::Timeout)
}

fn main() {}
