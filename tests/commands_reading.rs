//! Storing over what was read, and reading by pattern.

mod support;

use macadamia::testing::Wire;
use macadamia::{Cache, Error, Expiry};
use std::time::Duration;
use support::{Fixture, echo::Echo};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn cas_stores_only_over_what_was_read() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        assert!(cache.gets::<String>("k").await.unwrap().is_none());
        cache.set("k", "one").await.unwrap();
        let (value, token) = cache.gets::<String>("k").await.unwrap().unwrap();
        assert_eq!(value, "one");
        assert!(cache.cas("k", "two", &token).ttl("5s").await.unwrap());
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(5 * SECOND));
        assert!(!cache.cas("k", "three", &token).await.unwrap(), "it was replaced");
        let (_, token) = cache.gets::<String>("k").await.unwrap().unwrap();
        clock.advance(5 * SECOND);
        assert!(!cache.cas("k", "three", &token).await.unwrap(), "it has expired");
        cache.set("k", "one").await.unwrap();
        let (_, token) = cache.gets::<String>("k").await.unwrap().unwrap();
        cache.delete("k").await.unwrap();
        assert!(!cache.cas("k", "three", &token).await.unwrap(), "it was deleted");
        assert!(!cache.exists("k").await.unwrap());
        assert!(matches!(cache.cas("other", "three", &token).await, Err(Error::Config(_))));
    }
}

#[tokio::test]
async fn an_entry_set_by_cas_ends_with_its_tags() {
    let cache = Fixture::memory().await.cache;
    cache.set("k", &1).await.unwrap();
    let (_, token) = cache.gets::<i32>("k").await.unwrap().unwrap();
    assert!(cache.cas("k", &2, &token).tags(["t"]).await.unwrap());
    let (_, token) = cache.gets::<i32>("k").await.unwrap().unwrap();
    cache.delete_tags(["t"]).await.unwrap();
    assert!(!cache.cas("k", &3, &token).await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_cas_loses_no_update() {
    for Fixture { cache, .. } in Fixture::each().await {
        cache.set("n", &0u32).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let cache = cache.clone();
            tasks.spawn(async move {
                loop {
                    let (number, token) = cache.gets::<u32>("n").await.unwrap().unwrap();
                    if cache.cas("n", &(number + 1), &token).await.unwrap() {
                        break;
                    }
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(cache.get::<u32>("n").await.unwrap(), Some(50));
    }
}

#[tokio::test]
async fn a_backend_that_cannot_compare_says_so() {
    let other = Fixture::memory().await.cache;
    other.set("k", &1).await.unwrap();
    let (_, token) = other.gets::<i32>("k").await.unwrap().unwrap();
    let cache = Cache::builder().route("", Echo).build().await.unwrap();
    assert!(matches!(cache.cas("k", &2, &token).await, Err(Error::Unsupported { command: "cas", .. })));
}

#[tokio::test]
async fn get_match_finds_values_of_its_type_with_their_keys() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    cache.set_many([("u:1", &1u8), ("u:2", &2), ("v:3", &3)]).await.unwrap();
    cache.set("u:text", "text").await.unwrap();
    cache.set("u:old", &9u8).ttl("1s").await.unwrap();
    cache.set("lock:u:1", &8u8).await.unwrap();
    clock.advance(SECOND);
    let found = async |pattern: &str| {
        let mut found = cache.get_match::<u8>(pattern).await.unwrap();
        found.sort_by_key(|(_, value)| *value);
        found.into_iter().map(|(key, value)| (key.to_string(), value)).collect::<Vec<_>>()
    };
    assert_eq!(found("u:*").await, [("u:1".to_owned(), 1), ("u:2".to_owned(), 2)]);
    assert_eq!(found("*").await.len(), 3);
    assert_eq!(found("u:2").await, [("u:2".to_owned(), 2)]);
    assert_eq!(found("none*").await, []);
}

#[tokio::test]
async fn get_match_leaves_out_what_is_deleted_meanwhile_and_shifts_nothing() {
    let (fixture, faults) = Fixture::remote().await;
    let cache = &fixture.cache;
    let keys: Vec<_> = (0..20u32).map(|number| (format!("k:{number}"), number)).collect();
    cache.set_many(keys.iter().map(|(key, number)| (key, number))).await.unwrap();
    faults.yields(50);
    let found = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_match::<u32>("k:*").await.unwrap() }
    });
    // Past the scan, before the read.
    for _ in 0..60 {
        tokio::task::yield_now().await;
    }
    faults.yields(0);
    assert_eq!(cache.delete_many(["k:3", "k:4", "k:19"]).await.unwrap(), 3);
    let found = found.await.unwrap();
    assert_eq!(found.len(), 17);
    assert!(found.iter().all(|(key, number)| *key == *format!("k:{number}")));
}

#[tokio::test]
async fn get_match_on_bytes_skips_what_does_not_decode() {
    let cache = Cache::builder().route("", Wire::new()).build().await.unwrap();
    cache.set("k:1", "text").await.unwrap();
    cache.set_raw("k:2", [255, 255]).await.unwrap();
    let found = cache.get_match::<String>("k:*").await.unwrap();
    assert_eq!(found.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["text"]);
}
