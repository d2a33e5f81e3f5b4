use macadamia::cached;

#[cached(ttl = "3h")]
#[cached(ttl = "1h")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
