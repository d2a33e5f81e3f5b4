use macadamia::cached;

struct User {
    id: u64,
    name: String,
}

#[cached(ttl = "3h", key = "user:<lang:hash(sha2)>")]
async fn profile(user: &User, lang: &str) -> u64 {
    let _ = (user, lang);
    1
}

fn main() {}
