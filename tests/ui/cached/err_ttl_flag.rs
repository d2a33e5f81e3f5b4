use macadamia::cached;

#[cached(ttl = "3h", err_ttl)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
