use macadamia::cached;

#[cached(ttl = "3h", err_ttl(std::fmt::Error = "1s"))]
async fn warm(user: &str) {
    let _ = user;
}

fn main() {}
