use macadamia::perf;

#[perf(ttl = "5m", factor = "2x")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
