use macadamia::{cached, invalidate};

struct Repo;

impl Repo {
    #[cached(ttl = "3h", key = "repo:<id>:<lang>", handle)]
    async fn get(&self, id: u64, lang: &str) -> u64 {
        let _ = lang;
        id
    }
}

#[invalidate(Repo::get(idd = id))]
async fn rename(id: u64) {
    drop(id);
}

fn main() {}
