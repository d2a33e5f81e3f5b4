use macadamia::cached;

#[cached(ttl = 1.5)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
