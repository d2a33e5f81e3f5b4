use macadamia::{cached, key};

struct User {
    uid: u64,
}

#[cached(ttl = "3h", key = "user:<user.uid>:<lang>")]
async fn profile(user: &User, lang: &str) -> u64 {
    user.uid + lang.len() as u64
}

fn main() {
    let _ = key!(profile(user.uid = 7_u64, lang = _));
}
