use macadamia::cached;

#[cached(ttl = "3h")]
async fn profile(user: &str) -> &str {
    user
}

fn main() {}
