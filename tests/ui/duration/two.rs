use macadamia::duration;

fn main() {
    let _ = duration!("3h", "1m");
}
