use macadamia::circuit_breaker;

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", min_calls = words.len())]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
