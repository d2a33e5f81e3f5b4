use macadamia::{cached, purge};

struct User {
    uid: u64,
}

#[cached(ttl = "3h", key = "user:<user.uid>:<lang>")]
async fn profile(user: &User, lang: &str) -> u64 {
    user.uid + lang.len() as u64
}

fn main() {
    let _ = purge!(profile(user.id = 7_u64));
}
