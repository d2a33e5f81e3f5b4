use macadamia::perf;

#[perf(ttl = "5m", factor = words.len())]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
