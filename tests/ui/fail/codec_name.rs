use macadamia::fail;

#[fail(ttl = "3h", codec = "pickle")]
async fn profile(user: &str) -> Result<String, std::fmt::Error> {
    Ok(user.to_owned())
}

fn main() {}
