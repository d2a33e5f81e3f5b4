use macadamia::Codec;
use macadamia::cached;

#[cached(ttl = "3h", codec = how, skip(how))]
async fn profile(user: &str, how: &'static dyn Codec) -> String {
    format!("{user}{how:?}")
}

fn main() {}
