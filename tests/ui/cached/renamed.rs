use macadamia::{cached as memo, invalidate};

#[invalidate("users")]
#[memo(ttl = "3h")]
async fn profile(user: &str, lang: &str) -> String {
    format!("{user}{lang}")
}

fn main() {}
