use macadamia::early;

#[derive(Clone)]
struct Repo {
    id: u64,
}

impl Repo {
    #[early(ttl = "1h", key = "page")]
    async fn page(self: std::pin::Pin<&Self>) -> u64 {
        self.id
    }
}

fn main() {}
