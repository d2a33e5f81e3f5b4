use macadamia::cached;

trait Load {
    async fn get(&self, id: u64) -> u64;
}

struct Repo;

impl Load for Repo {
    #[cached(ttl = "3h", skip(self), handle)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
