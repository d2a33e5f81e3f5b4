use macadamia::rate_limit;

#[rate_limit(limit = 100)]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
