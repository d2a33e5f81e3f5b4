use macadamia::cached;

#[cached(ttl = "3h", codec = "json")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
