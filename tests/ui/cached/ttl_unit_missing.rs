use macadamia::cached;

#[cached(ttl = "1h30")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
