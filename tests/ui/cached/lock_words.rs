use macadamia::cached;

#[cached(ttl = "3h", lock = "always")]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
