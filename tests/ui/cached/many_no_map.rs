use macadamia::cached;

#[cached(ttl = "1h", many = ids)]
async fn profiles(ids: &[u64]) -> Vec<u64> {
    ids.to_vec()
}

fn main() {}
