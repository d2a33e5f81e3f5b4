use macadamia::cached;

trait Load {
    #[cached(ttl = "3h", skip(self))]
    async fn load(&self) -> u64;
}

fn main() {}
