use macadamia::early;

#[early(ttl = "1h", key = "page")]
async fn page<'a>(name: &'a str) -> usize {
    let name: &'a str = name;
    name.len()
}

fn main() {}
