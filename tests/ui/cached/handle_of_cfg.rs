use macadamia::cached;

#[cached(ttl = "3h")]
async fn profile(id: u64, #[cfg(all())] lang: u8) -> u64 {
    let _ = lang;
    id
}

fn main() {}
