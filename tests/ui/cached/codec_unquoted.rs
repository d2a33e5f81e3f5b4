use macadamia::cached;

#[cached(ttl = "3h", codec = json)]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
