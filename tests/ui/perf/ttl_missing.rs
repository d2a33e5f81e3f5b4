use macadamia::perf;

#[perf(trace_size = 20)]
async fn search(words: &str) -> Result<usize, macadamia::Error> {
    Ok(words.len())
}

fn main() {}
