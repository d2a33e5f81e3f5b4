use macadamia::cached;

struct Repo;

#[cached(ttl = "3h")]
impl Repo {
    async fn get(id: u64) -> u64 {
        id
    }
}

fn main() {}
