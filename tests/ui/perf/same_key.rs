use macadamia::perf;

#[perf(ttl = "1h", factor = 10)]
#[perf(ttl = "5m")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
