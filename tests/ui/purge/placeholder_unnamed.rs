use macadamia::purge;

fn main() {
    let _ = purge!(items(3));
}
