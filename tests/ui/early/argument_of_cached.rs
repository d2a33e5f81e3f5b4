use macadamia::early;

#[early(ttl = "1h", many = ids)]
async fn page(ids: Vec<u64>) -> Vec<(u64, u64)> {
    ids.into_iter().map(|id| (id, id)).collect()
}

fn main() {}
