use macadamia::cached;

#[cached(ttl = "3h", handle = "Profile")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
