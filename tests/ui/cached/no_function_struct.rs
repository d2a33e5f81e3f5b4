use macadamia::cached;

#[cached(ttl = "3h")]
struct Repo {
    load: fn() -> u64,
}

fn main() {}
