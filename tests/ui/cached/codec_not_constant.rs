use macadamia::cached;
use macadamia::codec::Bincode;

fn chosen() -> Bincode {
    Bincode
}

#[cached(ttl = "3h", codec = chosen())]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
