use macadamia::rate_limit;

#[rate_limit(limit = 100, period = "0s")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
