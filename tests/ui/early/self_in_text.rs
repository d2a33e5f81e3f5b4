use macadamia::early;

#[derive(Debug, Clone)]
struct Repo {
    id: u64,
}

impl Repo {
    #[early(ttl = "1h", key = "page:<self.id>")]
    async fn page(&self) -> String {
        format!("{self:?}")
    }
}

fn main() {}
