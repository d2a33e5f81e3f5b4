use macadamia::perf;

#[perf(ttl = words.len())]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
