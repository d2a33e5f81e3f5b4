use macadamia::rate_limit;

#[rate_limit(limit = 100, period = "1m", codec = "json")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
