use macadamia::rate_limit;

#[rate_limit(limit = 100, period = "1m", ttl = "5m", algorithm = "gcra")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
