use macadamia::key;

fn main() {
    let _ = key!("users", ttl = 3);
}
