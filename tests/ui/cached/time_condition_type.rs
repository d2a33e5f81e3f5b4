use macadamia::cached;

#[cached(ttl = "3h", time_condition = lang)]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
