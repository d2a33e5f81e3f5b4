use macadamia::early;

struct Repo {
    id: u64,
}

impl Repo {
    #[early(ttl = "1h", key = "page:<self.id>")]
    async fn page(&self) -> u64 {
        self.id
    }
}

fn main() {}
