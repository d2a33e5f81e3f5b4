use macadamia::hit;

#[hit]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
