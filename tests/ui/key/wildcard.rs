use macadamia::key;

fn main() {
    let _ = key!("user:*");
}
