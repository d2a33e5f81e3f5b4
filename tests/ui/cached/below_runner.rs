use macadamia::cached;

#[tokio::main(flavor = "current_thread")]
#[cached(ttl = "3h")]
async fn main() {}
