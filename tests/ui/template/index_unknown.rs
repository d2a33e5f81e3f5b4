use macadamia::cached;

#[cached(ttl = "3h", key = "page:<page.2>")]
async fn profile(page: (u32, u32)) -> u64 {
    let _ = page;
    1
}

fn main() {}
