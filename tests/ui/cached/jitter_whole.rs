use macadamia::cached;

#[cached(ttl = "3h", jitter = 10)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
