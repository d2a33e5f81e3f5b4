use macadamia::cached;

#[cached(ttl = "")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
