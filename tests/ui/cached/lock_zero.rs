use macadamia::cached;

#[cached(ttl = "3h", lock = "0s")]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
