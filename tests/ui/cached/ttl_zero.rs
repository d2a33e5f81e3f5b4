use macadamia::cached;

#[cached(ttl = 0)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
