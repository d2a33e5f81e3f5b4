use macadamia::cached;

#[cached(tll = "3h")]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
