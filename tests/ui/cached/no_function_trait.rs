use macadamia::cached;

#[cached(ttl = "3h")]
trait Repo {
    async fn load(&self) -> u64;
}

fn main() {}
