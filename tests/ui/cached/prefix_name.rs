use macadamia::cached;

#[cached(ttl = "3h", prefix = v2)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
