//! The installed cache: once, before first use.

use macadamia::{Cache, Error, Memory, cached};

#[cached(ttl = "1h", key = "installed:<id>")]
async fn value(id: u32) -> u32 {
    id
}

#[tokio::test]
async fn a_cache_is_installed_once_and_before_the_first_use() {
    let memory = Memory::builder().build();
    let build = || Cache::builder().route("", memory.clone()).build();
    build().await.unwrap().install().unwrap();
    value(1).await;
    assert_eq!(memory.len(), 1);
    assert!(Cache::global().exists("installed:1").await.unwrap());
    let again = build().await.unwrap().install();
    assert!(matches!(&again, Err(Error::Config(message)) if message.contains("in use already")), "{again:?}");
}
