use macadamia::circuit_breaker;

#[circuit_breaker(errors_rate = 0, period = "0s", ttl = -1, half_open_calls = 0, min_calls = "10", slow_call = 1.5, key = "<word>")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
