use macadamia::duration;

fn main() {
    let _ = duration!("0h");
}
