use macadamia::early;

#[derive(Clone)]
struct Query<'a>(&'a str);

impl Query<'_> {
    #[early(ttl = "1h", key = "page")]
    async fn page(&self) -> usize {
        self.0.len()
    }
}

fn main() {}
