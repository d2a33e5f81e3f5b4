//! Commands past the codec: bytes, values of this process, the server's own commands.

mod support;

use macadamia::{Cache, Error, Expiry, Memory, Reply};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fixture, echo::Echo};

#[tokio::test]
async fn raw_bytes_come_back_as_they_were() {
    for Fixture { cache, .. } in Fixture::each().await {
        let bytes = [0, 159, 146, 150, b'\n'];
        assert!(cache.set_raw("k", bytes).ttl("5s").await.unwrap());
        assert_eq!(cache.get_raw("k").await.unwrap().as_deref(), Some(&bytes[..]));
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(Duration::from_secs(5)));
        assert!(!cache.set_raw("k", "other").if_absent().await.unwrap());
        assert!(!cache.set_raw("none", "other").if_present().await.unwrap());
        assert!(cache.set_raw("k", "").if_present().await.unwrap());
        assert_eq!(cache.get_raw("k").await.unwrap().as_deref(), Some(&b""[..]), "empty is not missing");
        assert_eq!(cache.get_raw("none").await.unwrap(), None);
    }
}

#[tokio::test]
async fn raw_bytes_end_with_their_tags() {
    let cache = Fixture::memory().await.cache;
    cache.set_raw("k", "bytes").tags(["pages"]).await.unwrap();
    cache.delete_tags(["pages"]).await.unwrap();
    assert_eq!(cache.get_raw("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_value_has_bytes_where_it_is_kept_as_bytes() {
    let cache = Fixture::wire().await.cache;
    cache.set("k", "text").await.unwrap();
    let bytes = cache.get_raw("k").await.unwrap().unwrap();
    cache.set_raw("copy", bytes).await.unwrap();
    assert_eq!(cache.get::<String>("copy").await.unwrap().as_deref(), Some("text"));
    let memory = Fixture::memory().await.cache;
    memory.set("k", "text").await.unwrap();
    assert_eq!(memory.get_raw("k").await.unwrap(), None, "memory never encodes");
    memory.set_raw("copy", cache.get_raw("k").await.unwrap().unwrap()).await.unwrap();
    assert_eq!(memory.get::<String>("copy").await.unwrap().as_deref(), Some("text"));
}

#[tokio::test]
async fn raw_bytes_weigh_what_they_are() {
    let memory = Memory::builder().max_bytes(10_000).build();
    let cache = Cache::builder().route("", memory).build().await.unwrap();
    assert!(cache.set_raw("small", [7; 1_000]).await.unwrap());
    assert!(cache.size_of("small").await.unwrap().unwrap() >= 1_000);
    assert!(!cache.set_raw("large", vec![7; 20_000]).await.unwrap());
}

#[tokio::test]
async fn local_values_are_shared_and_need_no_serialization() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    let shared = Arc::new(Mutex::new(7));
    assert!(cache.set_local("k", Arc::clone(&shared)).ttl("5s").await.unwrap());
    assert!(!cache.set_local("k", Arc::clone(&shared)).if_absent().await.unwrap());
    let same = cache.get_local::<Arc<Mutex<i32>>>("k").await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&shared, &same));
    assert_eq!(cache.get_local::<u8>("k").await.unwrap(), None, "another type is a miss");
    assert_eq!(cache.get::<u8>("k").await.unwrap(), None);
    cache.set("typed", &5u8).await.unwrap();
    assert_eq!(cache.get_local::<u8>("typed").await.unwrap(), Some(5));
    clock.advance(Duration::from_secs(5));
    assert!(cache.get_local::<Arc<Mutex<i32>>>("k").await.unwrap().is_none());
}

#[tokio::test]
async fn local_values_are_unsupported_where_bytes_are_kept() {
    let cache = Fixture::wire().await.cache;
    let outcome = cache.set_local("k", Arc::new(7)).await;
    assert!(matches!(outcome, Err(Error::Unsupported { command: "set_local", .. })));
    assert!(matches!(cache.get_local::<u8>("k").await, Err(Error::Unsupported { .. })));
}

#[tokio::test]
async fn raw_commands_reach_the_server_of_their_route() {
    let cache = Cache::builder().route("", Memory::default()).route("user:", Echo).build().await.unwrap();
    let reply = cache.raw("SET", &["k", "v"]).route("user:7").await.unwrap();
    let Reply::List(parts) = reply else { panic!("{reply:?}") };
    assert_eq!(parts.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>(), ["SET", "k", "v"]);
    let refused = cache.raw("SET", &["k", "v"]).await;
    assert!(matches!(refused, Err(Error::Unsupported { command: "raw", .. })));
    let bare = Cache::builder().route("user:", Memory::default()).build().await.unwrap();
    assert!(matches!(bare.raw("PING", &[] as &[&str]).await, Err(Error::Config(_))));
}

#[tokio::test]
async fn flush_all_empties_the_store_behind_every_route() {
    let store = Memory::default();
    let other = Cache::builder().route("", store.clone()).build().await.unwrap();
    other.set("theirs", &1).await.unwrap();
    let cache = Cache::builder().route("", Memory::default()).route("user:", store).build().await.unwrap();
    cache.set("ours", &1).await.unwrap();
    cache.flush_all().await.unwrap();
    assert!(!cache.exists("ours").await.unwrap());
    assert!(!other.exists("theirs").await.unwrap());
}

#[tokio::test]
async fn sizes_are_told_and_missing_keys_have_none() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    assert_eq!(cache.size_of("k").await.unwrap(), None);
    cache.set("k", &vec![7u8; 1_000]).ttl("5s").await.unwrap();
    assert!(cache.size_of("k").await.unwrap().is_some_and(|bytes| bytes > 0));
    clock.advance(Duration::from_secs(5));
    assert_eq!(cache.size_of("k").await.unwrap(), None, "it has expired");
    let cache = Cache::builder().route("", Echo).build().await.unwrap();
    let refused = cache.size_of("k").await;
    assert!(matches!(refused, Err(Error::Unsupported { .. })));
}
