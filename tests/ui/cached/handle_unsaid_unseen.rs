use macadamia::cached;

struct Repo;

impl Repo {
    #[cached(ttl = "3h")]
    async fn get(id: u64) -> u64 {
        id
    }
}

fn main() {}
