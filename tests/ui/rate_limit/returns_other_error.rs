use macadamia::rate_limit;

struct AppError;

#[rate_limit(limit = 100, period = "1m")]
async fn search(words: &str) -> Result<usize, AppError> {
    words.parse().map_err(|_| AppError)
}

fn main() {}
