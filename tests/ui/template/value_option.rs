use macadamia::cached;

struct User {
    id: u64,
    name: String,
}

#[cached(ttl = "3h", key = "user:<user>")]
async fn profile(user: Option<&User>) -> u64 {
    let _ = user;
    1
}

fn main() {}
