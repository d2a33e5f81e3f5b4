use macadamia::circuit_breaker;

#[circuit_breaker(errors_rate = 50, period = "1m")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
