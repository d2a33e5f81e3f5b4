use macadamia::cached;

#[cached(ttl = "99999999999999w")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
