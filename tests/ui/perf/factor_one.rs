use macadamia::perf;

#[perf(ttl = "5m", factor = 1.0)]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
