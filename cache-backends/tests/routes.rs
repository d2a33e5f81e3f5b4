//! What a route takes: URLs, builders, and what builders build.
#![cfg(all(feature = "memory", feature = "null"))]

use cache_backends::{Memory, Null};
use cache_core::{Cache, Error};

async fn build(url: &str) -> Result<Cache, Error> {
    Cache::builder().route("", url).build().await
}

#[tokio::test]
async fn types_builders_and_urls_do_the_same() {
    let cache = Cache::builder()
        .route("", "mem://")
        .route("user:", "locmem://routes-users?size=10&check_interval=10&max_bytes=100000&ttl=1h")
        .route("session:", Memory::builder().max_entries(500).build())
        .route("page:", Memory::builder().max_entries(500))
        .route("off:", Null::new())
        .build()
        .await;
    assert!(cache.is_ok(), "{cache:?}");
}

#[tokio::test]
async fn a_memory_option_that_is_wrong_stops_the_set_up() {
    for url in [
        "mem://?size=0",
        "mem://?size=many",
        "mem://?max_bytes=3",
        "mem://?seize=3",
        "mem://?check_interval=x",
    ] {
        assert!(build(url).await.is_err_and(|error| error.is_config()), "{url}");
    }
    let zero = Cache::builder().route("", Memory::builder().max_entries(0)).build().await;
    assert_eq!(
        zero.unwrap_err().to_string(),
        "route \"\": `max_entries` = 0 keeps nothing: give it room for an entry, or say \"null://\""
    );
}

#[tokio::test]
async fn null_ignores_whatever_follows() {
    for url in ["null://", "dummy://null", "dummy://x:1/y?z=1&size=0", "null://?seize=many"] {
        assert!(build(url).await.is_ok(), "{url}");
    }
}
