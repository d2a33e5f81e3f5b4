use macadamia::early;

#[early(ttl = "1h")]
async fn page(id: u64) -> u64 {
    let id = std::rc::Rc::new(id);
    std::future::ready(()).await;
    *id
}

fn main() {}
