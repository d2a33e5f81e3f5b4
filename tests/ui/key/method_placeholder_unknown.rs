use macadamia::{cached, key};

struct Repo;

impl Repo {
    #[cached(ttl = "3h", key = "repo:<id>:<lang>", handle)]
    async fn get(&self, id: u64, lang: &str) -> u64 {
        let _ = lang;
        id
    }
}

fn main() {
    let _ = key!(Repo::get(id = 7_u64, language = "en"));
}
