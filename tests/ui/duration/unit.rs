use macadamia::duration;

fn main() {
    let _ = duration!("3 days");
}
