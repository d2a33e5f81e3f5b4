use macadamia::cached;

#[cached(ttl = "3h", key = "lock:<user>")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
