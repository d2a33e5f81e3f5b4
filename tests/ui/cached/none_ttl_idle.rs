use macadamia::cached;

#[cached(ttl = "3h", none_ttl = "1s")]
async fn count(user: &str) -> u64 {
    user.len() as u64
}

fn main() {}
