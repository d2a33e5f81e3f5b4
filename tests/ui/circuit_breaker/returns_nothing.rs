use macadamia::circuit_breaker;

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s")]
async fn search(words: &str) {
    let _ = words;
}

fn main() {}
