use macadamia::cached;

#[cached(ttl = "3y")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
