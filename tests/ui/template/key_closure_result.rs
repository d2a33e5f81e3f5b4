use macadamia::cached;

#[cached(ttl = "3h", key = |user| Some(user))]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
