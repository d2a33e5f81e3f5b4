use macadamia::cached;

#[cached(ttl = "3h", lock = user.is_empty())]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
