use macadamia::{cached, invalidate};

struct Repo;

impl Repo {
    #[cached(ttl = "3h", key = "repo:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[invalidate(Repo::get(id = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
