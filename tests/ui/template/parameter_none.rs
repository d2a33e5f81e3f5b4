use macadamia::cached;

#[cached(ttl = "3h", key = "user:<id>")]
async fn profile() -> u64 {
    1
}

fn main() {}
