use macadamia::cached;

#[cached(ttl = "3h")]
async fn profile(id: u64) -> std::rc::Rc<u64> {
    std::rc::Rc::new(id)
}

fn main() {}
