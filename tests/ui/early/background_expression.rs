use macadamia::early;

#[early(ttl = "1h", background = id > 3)]
async fn page(id: u64) -> u64 {
    id
}

fn main() {}
