use macadamia::{cached, invalidate};

struct User {
    uid: u64,
}

#[cached(ttl = "3h", key = "user:<user.uid>:<lang>")]
async fn profile(user: &User, lang: &str) -> u64 {
    user.uid + lang.len() as u64
}

#[invalidate(profile(lang = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
