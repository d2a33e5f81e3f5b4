use macadamia::perf;

#[perf(ttl = "5m", trace_size = 129)]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
