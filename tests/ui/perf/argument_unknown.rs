use macadamia::perf;

#[perf(ttl = "5m", trace = 20)]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
