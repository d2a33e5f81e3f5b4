use macadamia::cached;

#[cached(ttl = "3h")]
async fn profile(id: u64) -> impl std::fmt::Display {
    id
}

fn main() {}
