use macadamia::duration;

fn main() {
    let _ = duration!(99999999999999999);
}
