use macadamia::rate_limit;

#[rate_limit(limit = 10, period = "1s")]
#[rate_limit(limit = 100, period = "1m")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
