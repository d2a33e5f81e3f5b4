use macadamia::cached;

struct Repo;

impl Repo {
    #[cached(ttl = "3h", skip(self), handle = Users)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
