use macadamia::cached;

#[cached(ttl = "3h", handle)]
async fn get(id: u64) -> u64 {
    id
}

fn main() {}
