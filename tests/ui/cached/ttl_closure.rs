use macadamia::cached;

#[cached(ttl = |a, b| 3)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
