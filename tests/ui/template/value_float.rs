use macadamia::cached;

#[cached(ttl = "3h", key = "at:<degrees>")]
async fn profile(degrees: f64) -> u64 {
    let _ = degrees;
    1
}

fn main() {}
