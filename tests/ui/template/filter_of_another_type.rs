use macadamia::cached;

fn short(name: &str) -> &str {
    name
}

struct User {
    id: u64,
    name: String,
}

#[cached(ttl = "3h", key = "user:<user.id:crate::short>")]
async fn profile(user: &User, lang: &str) -> u64 {
    let _ = (user, lang);
    1
}

fn main() {}
