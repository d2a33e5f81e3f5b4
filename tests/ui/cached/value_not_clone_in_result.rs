use macadamia::cached;

struct Profile(u64);

#[cached(ttl = "3h")]
async fn profile(id: u64) -> Result<Profile, String> {
    Ok(Profile(id))
}

fn main() {}
