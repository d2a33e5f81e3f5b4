use macadamia::cached;

static LIMIT: u64 = 3;

#[cached(ttl = "3h", cache = LIMIT)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
