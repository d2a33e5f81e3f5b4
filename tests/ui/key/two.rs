use macadamia::key;

fn main() {
    let _ = key!("user:1", "user:2");
}
