use macadamia::cached;

#[cached(ttl = "5m1h")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
