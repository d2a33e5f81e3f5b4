use macadamia::cached;

#[cached(ttl = "3h", single_flight = "yes")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
