use macadamia::soft;

#[soft(ttl = "1h")]
async fn page(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
