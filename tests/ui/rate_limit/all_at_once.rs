use macadamia::rate_limit;

#[rate_limit(limit = 0, period = "1 minute", ttl = 0, algorithm = "token", key = "<word>")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
