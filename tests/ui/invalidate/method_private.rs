use macadamia::{cached, invalidate};

mod repo {
    pub struct Repo;

    impl Repo {
        #[super::cached(ttl = "3h", key = "repo:<id>", handle, crate = ::macadamia)]
        async fn get(&self, id: u64) -> u64 {
            id
        }
    }
}

#[invalidate(repo::Repo::get(id = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
