use macadamia::perf;

#[perf(ttl = "5m")]
async fn search(words: &str) -> Option<usize> {
    Some(words.len())
}

fn main() {}
