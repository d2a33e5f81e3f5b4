use macadamia::perf;

#[perf(ttl = "5 minutes", trace_size = 0, factor = 1, key = "<word>")]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
