use macadamia::cached;

#[cached(ttl = "3h", codec = "jsn")]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
