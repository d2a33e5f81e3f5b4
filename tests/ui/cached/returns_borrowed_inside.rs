use macadamia::cached;

#[cached(ttl = "3h")]
async fn profile<'a>(user: &'a str) -> Option<&'a str> {
    Some(user)
}

fn main() {}
