use macadamia::cached;

#[cached(ttl = lang.is_empty())]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
