use macadamia::cached;

#[cached(ttl = "3h", condition = |value| value.len())]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
