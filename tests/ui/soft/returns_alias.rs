use macadamia::soft;

type Page = Vec<u8>;

#[soft(ttl = "1h")]
async fn page(id: u8) -> Page {
    vec![id]
}

fn main() {}
