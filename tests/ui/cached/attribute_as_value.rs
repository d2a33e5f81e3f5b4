use macadamia::cached;

#[cached(ttl = "3h")]
#[macadamia::invalidate = "users"]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
