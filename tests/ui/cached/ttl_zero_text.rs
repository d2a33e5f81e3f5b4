use macadamia::cached;

#[cached(ttl = "0s")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
