use macadamia::cached;

#[cached(ttl = "3h", none_ttl = |value| 3)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
