use macadamia::cached;

#[cached(ttl = "3h")]
async fn load<T: From<u64>>(id: u64) -> T {
    T::from(id)
}

fn main() {}
