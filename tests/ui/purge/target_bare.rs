use macadamia::purge;

async fn profile(id: u64) -> u64 {
    id
}

fn main() {
    let _ = purge!(profile);
}
