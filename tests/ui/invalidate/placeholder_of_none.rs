use macadamia::{cached, invalidate};

#[cached(ttl = "3h", key = "config")]
async fn config() -> u64 {
    7
}

#[invalidate(config(id = id))]
async fn change(id: u64) {
    drop(id);
}

fn main() {}
