use macadamia::cached;

struct Yaml;

#[cached(ttl = "3h", codec = Yaml)]
async fn profile(user: &str) -> String {
    user.to_owned()
}

fn main() {}
