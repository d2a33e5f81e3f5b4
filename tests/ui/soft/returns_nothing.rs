use macadamia::soft;

#[soft(ttl = "1h")]
async fn page(id: u64) {
    drop(id);
}

fn main() {}
