use macadamia::cached;

#[cached(ttl = "3h")]
const LIMIT: u64 = 3;

fn main() {}
