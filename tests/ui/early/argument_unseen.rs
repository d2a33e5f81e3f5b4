use macadamia::early;

struct Query<'a>(&'a str);

#[early(ttl = "1h", key = "page")]
fn page(query: Query) -> impl Future<Output = usize> {
    async move { query.0.len() }
}

fn main() {}
