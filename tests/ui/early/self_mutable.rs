use macadamia::early;

#[derive(Clone)]
struct Repo {
    id: u64,
}

impl Repo {
    #[early(ttl = "1h", key = "page:<self.id>")]
    async fn page(&mut self) -> u64 {
        self.id += 1;
        self.id
    }
}

fn main() {}
