use macadamia::rate_limit;

#[rate_limit(limit = 100, period = "1m")]
async fn search(words: &str) -> Option<usize> {
    Some(words.len())
}

fn main() {}
