use macadamia::duration;

fn main() {
    let _ = duration!(later);
}
