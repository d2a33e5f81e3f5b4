use macadamia::invalidate;

#[invalidate("profile:<user>", codec = "json")]
async fn rename(user: &str) {
    let _ = user;
}

fn main() {}
