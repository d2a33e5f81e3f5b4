use macadamia::cached;

#[cached(ttl = "3h", cache = || CACHE)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
