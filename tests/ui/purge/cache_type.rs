use macadamia::purge;

fn main() {
    let _ = purge!("users", cache = 7);
}
