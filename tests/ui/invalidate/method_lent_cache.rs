use macadamia::{Cache, cached, invalidate};

struct Repo {
    cache: Cache,
}

impl Repo {
    #[cached(ttl = "3h", key = "repo:<id>", cache = self.cache, handle)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[invalidate(Repo::get(id = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
