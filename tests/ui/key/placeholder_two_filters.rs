use macadamia::{cached, key};

#[cached(ttl = "3h", key = "<name:lower>:<name:upper>")]
async fn named(name: &str) -> u64 {
    let _ = name;
    7
}

fn main() {
    let _ = key!(named(name = "Ann"));
}
