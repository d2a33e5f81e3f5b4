use macadamia::early;

trait Paged: Sync {
    #[early(ttl = "1h", key = "page")]
    async fn page(&self) -> u64 {
        1
    }
}

fn main() {}
