use macadamia::cached;

struct Repo<T>(T);

impl Repo<u8> {
    #[cached(ttl = "3h", handle)]
    async fn get(id: u64) -> u64 {
        id
    }
}

impl Repo<u8> {
    #[cached(ttl = "3h", handle)]
    async fn get(id: u64) -> u64 {
        id
    }
}

fn main() {}
