use macadamia::cached;

#[cached(key = "user:<user>")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
