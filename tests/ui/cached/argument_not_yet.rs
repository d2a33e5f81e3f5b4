use macadamia::cached;

#[cached(ttl = "3h", lock = true)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
