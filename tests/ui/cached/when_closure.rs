use macadamia::cached;

#[cached(ttl = "3h", when = |value| true)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
