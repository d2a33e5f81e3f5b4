use macadamia::cached;

struct Repo;

impl Repo {
    #[cached(ttl = "3h", key = |id| id / 10, handle)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
