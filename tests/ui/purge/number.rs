use macadamia::purge;

fn main() {
    let _ = purge!(7);
}
