use macadamia::{cached, invalidate};

struct Repo<T>(T);

impl<T: Send + Sync> Repo<T> {
    #[cached(ttl = "3h", key = "repo:<id>", handle)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[invalidate(Repo::get(id = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
