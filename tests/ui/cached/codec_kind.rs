use macadamia::cached;

#[cached(ttl = "3h", codec = |profile| profile.codec())]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
