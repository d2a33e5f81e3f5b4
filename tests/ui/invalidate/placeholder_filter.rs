use macadamia::{cached, invalidate};

#[cached(ttl = "3h", key = "items:<name:lower>")]
async fn items(name: &str) -> usize {
    name.len()
}

#[invalidate(items(name = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
