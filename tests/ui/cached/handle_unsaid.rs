use macadamia::cached;

struct Repo;

impl Repo {
    #[cached(ttl = "3h", skip(repo))]
    async fn get(repo: &Self, id: u64) -> u64 {
        let _ = repo;
        id
    }
}

fn main() {}
