use macadamia::cached;

#[cached(ttl = "3h", skip("user"))]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
