//! What a command can be told for one call.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{BoxFuture, Cache, Error, Expiry, Memory, Route, Scope};
use std::future::IntoFuture;
use std::time::Duration;
use support::{Fixture, settle};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_namespace_is_a_prefix_of_the_key_for_one_call() {
    let cache = Fixture::memory().await.cache;
    cache.set("k", &1i64).namespace("test").await.unwrap();
    cache.set("k", &2i64).await.unwrap();
    assert_eq!(cache.get::<i64>("test:k").await.unwrap(), Some(1));
    assert_eq!(cache.get::<i64>("k").namespace("test").await.unwrap(), Some(1));
    assert_eq!(cache.get::<i64>("k").namespace("").await.unwrap(), Some(2), "an empty one is none");
    assert_eq!(cache.incr("k").namespace("test").await.unwrap(), 2);
    assert_eq!(cache.get_many::<i64, _>(["k", "x"]).namespace("test").await.unwrap(), [Some(2), None]);
    cache.set_many([("a", &1i64), ("b", &2)]).namespace("test").await.unwrap();
    assert_eq!(cache.delete_match("test:*").await.unwrap(), 3);
    assert!(cache.exists("k").await.unwrap());
    assert!(!cache.exists("k").namespace("test").await.unwrap());
}

#[tokio::test]
async fn a_namespace_chooses_the_route_as_a_prefix_does() {
    let memory = Memory::default();
    let cache =
        Cache::builder().route("", Memory::default()).route("n:", memory.clone()).build().await.unwrap();
    cache.set("k", &1).namespace("n").await.unwrap();
    assert_eq!(memory.len(), 1);
}

#[tokio::test]
async fn versions_of_a_key_are_entries_of_their_own() {
    let cache = Fixture::memory().await.cache;
    cache.set("k", "none").await.unwrap();
    cache.set("k", "number").version(2019).await.unwrap();
    cache.set("k", "text").version("f6s8a68687as").await.unwrap();
    cache.set("k", "zero").version(0).await.unwrap();
    let get = async |version: &str| cache.get::<String>("k").version(version).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("none"));
    assert_eq!(get("2019").await.as_deref(), Some("number"), "a number is its text");
    assert_eq!(get("f6s8a68687as").await.as_deref(), Some("text"));
    assert_eq!(get("0").await.as_deref(), Some("zero"));
    assert_eq!(get("2020").await, None);
    assert!(cache.delete("k").version(2019).await.unwrap());
    assert_eq!(get("2019").await, None);
    assert!(cache.touch("k").version(0).ttl("5s").await.unwrap());
    assert_eq!(cache.get_expire("k").version(0).await.unwrap(), Expiry::In(5 * SECOND));
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Never);
    assert_eq!(cache.incr("k").version("n").await.unwrap(), 1);
    assert_eq!(cache.delete_match("k*").await.unwrap(), 4, "a pattern takes all versions");
}

#[tokio::test]
async fn a_call_has_its_own_time_limit() {
    let (fixture, faults) = Fixture::remote().await;
    let Fixture { cache, clock, .. } = &fixture;
    faults.hang(true);
    let call = |call: fn(Cache) -> BoxFuture<'static, Option<Error>>| tokio::spawn(call(cache.clone()));
    let calls = [
        call(|cache| Box::pin(async move { cache.get::<u8>("k").timeout(2).await.err() })),
        call(|cache| Box::pin(async move { cache.delete("k").timeout("2s").await.err() })),
        call(|cache| Box::pin(async move { cache.set("k", &1).timeout(2 * SECOND).await.err() })),
    ];
    settle().await;
    clock.advance(2 * SECOND - Duration::from_nanos(1));
    settle().await;
    assert!(calls.iter().all(|call| !call.is_finished()));
    clock.advance(Duration::from_nanos(1));
    for call in calls {
        let error = call.await.unwrap();
        assert!(matches!(error, Some(Error::Timeout { limit, .. }) if limit == 2 * SECOND), "{error:?}");
    }
    assert!(matches!(cache.get::<u8>("k").timeout("soon").await, Err(Error::Config(_))));
}

#[tokio::test]
async fn the_limit_of_a_call_wins_over_the_scope_and_the_route() {
    let clock = ManualClock::new();
    let faults = Faults::new();
    let cache =
        Cache::builder().route("", faults.wrap(Wire::new())).clock(clock.clone()).build().await.unwrap();
    faults.hang(true);
    let get = |limit: Option<&'static str>| {
        let cache = cache.clone();
        let call = async move {
            match limit {
                Some(limit) => cache.get::<u8>("k").timeout(limit).await,
                None => cache.get::<u8>("k").await,
            }
        };
        (tokio::spawn(call), clock.clone())
    };
    let after =
        async |(call, clock): (tokio::task::JoinHandle<macadamia::Result<Option<u8>>>, ManualClock),
               millis| {
            settle().await;
            clock.advance(Duration::from_millis(millis));
            settle().await;
            let is_done = call.is_finished();
            call.abort();
            // An answer in between: it is not taken for down.
            faults.hang(false);
            cache.ping("").await.unwrap();
            faults.hang(true);
            is_done
        };
    assert!(after(get(None), 250).await, "the route's");
    assert!(!after(get(Some("1s")), 999).await, "longer than the route's");
    assert!(after(get(Some("1s")), 1_000).await);
    assert!(after(get(Some("10ms")), 10).await);
    assert!(!after(get(Some("0")), 3_600_000).await, "zero is none");
    let scoped = tokio::spawn(Scope::new().timeout(Duration::from_millis(5)).run({
        let cache = cache.clone();
        async move { cache.get::<u8>("k").timeout("1s").await }
    }));
    assert!(!after((scoped, clock.clone()), 999).await, "longer than the scope's");
}

#[tokio::test]
async fn a_command_does_nothing_before_it_is_awaited() {
    let cache = Fixture::memory().await.cache;
    cache.set("k", &1).await.unwrap();
    drop(cache.delete("k").into_future());
    drop(cache.lock("k", "1h"));
    assert!(cache.exists("k").await.unwrap());
    assert!(!cache.is_locked("k").await.unwrap());
}

#[tokio::test]
async fn every_command_of_a_key_has_a_time_limit() {
    type Call = fn(Cache) -> BoxFuture<'static, Option<Error>>;
    const CALLS: [Call; 18] = [
        |cache| Box::pin(async move { cache.get::<u8>("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.gets::<u8>("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.get_many::<u8, _>(["k"]).timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.get_match::<u8>("k*").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.get_raw("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.set("k", &1).timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.add("k", &1).timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.set_many([("k", &1)]).timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.set_raw("k", "1").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.incr("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.delete("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.delete_many(["k"]).timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.exists("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.expire("k", "1h").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.touch("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.get_expire("k").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.set_lock("k", "t", "1h").timeout("9ms").await.err() }),
        |cache| Box::pin(async move { cache.raw("PING", &["k"]).timeout("9ms").await.err() }),
    ];
    let (fixture, faults) = Fixture::remote().await;
    faults.hang(true);
    for (number, call) in CALLS.into_iter().enumerate() {
        let call = tokio::spawn(call(fixture.cache.clone()));
        settle().await;
        fixture.clock.advance(Duration::from_millis(9));
        let error = call.await.unwrap();
        assert!(matches!(error, Some(Error::Timeout { .. })), "number {number}: {error:?}");
    }
}

#[tokio::test]
async fn every_command_of_a_key_has_a_namespace() {
    let cache = Fixture::memory().await.cache;
    let is_there = async |key: &str| cache.exists(key).await.unwrap();
    assert!(cache.add("add", &1).namespace("n").await.unwrap() && is_there("n:add").await);
    assert!(cache.set_raw("raw", "1").namespace("n").await.unwrap() && is_there("n:raw").await);
    assert!(cache.set_local("local", 1u8).namespace("n").await.unwrap() && is_there("n:local").await);
    assert!(cache.get_raw("raw").namespace("n").await.unwrap().is_some());
    assert_eq!(cache.get_local::<u8>("local").namespace("n").await.unwrap(), Some(1));
    assert_eq!(cache.get_or_set("computed", async || 7).namespace("n").await.unwrap(), 7);
    assert!(is_there("n:computed").await);
    let (_, token) = cache.gets::<i32>("add").namespace("n").await.unwrap().unwrap();
    assert!(cache.cas("add", &2, &token).namespace("n").await.unwrap());
    assert!(matches!(cache.cas("add", &2, &token).await, Err(Error::Config(_))), "another key");
    assert!(cache.expire("add", "1h").namespace("n").await.unwrap());
    assert!(cache.size_of("add").namespace("n").await.unwrap().is_some());
    assert_eq!(cache.delete_many(["add", "raw"]).namespace("n").await.unwrap(), 2);
    assert!(!is_there("n:add").await);
}

#[tokio::test]
async fn commands_of_the_whole_cache_have_the_time_limit_of_their_routes() {
    type Call = fn(Cache) -> BoxFuture<'static, Option<Error>>;
    const CALLS: [Call; 10] = [
        |cache| Box::pin(async move { cache.clear().await.err() }),
        |cache| Box::pin(async move { cache.flush_all().await.err() }),
        |cache| Box::pin(async move { cache.delete_match("k*").await.err() }),
        |cache| Box::pin(async move { cache.delete_tags(["t"]).await.err() }),
        |cache| Box::pin(async move { cache.scan("k*").await.err() }),
        |cache| Box::pin(async move { cache.keys_count().await.err() }),
        |cache| Box::pin(async move { cache.size_of("k").await.err() }),
        |cache| Box::pin(async move { cache.is_locked("k").await.err() }),
        |cache| Box::pin(async move { cache.unlock("k", "t").await.err() }),
        |cache| Box::pin(async move { cache.ping("").await.err() }),
    ];
    for (number, call) in CALLS.into_iter().enumerate() {
        let (clock, faults) = (ManualClock::new(), Faults::new());
        let route = Route::to(faults.wrap(Wire::new())).suppress(false);
        let cache = Cache::builder().route("", route).clock(clock.clone()).build().await.unwrap();
        faults.hang(true);
        let call = tokio::spawn(call(cache));
        settle().await;
        clock.advance(Duration::from_millis(249));
        settle().await;
        assert!(!call.is_finished(), "number {number} was given up too early");
        clock.advance(Duration::from_millis(1));
        settle().await;
        assert!(call.is_finished(), "number {number} goes on");
        let error = call.await.unwrap();
        assert!(matches!(error, Some(Error::Timeout { .. })), "number {number}: {error:?}");
    }
}

#[tokio::test]
async fn closing_ends_when_its_time_is_over() {
    let (faults, clock) = (Faults::new(), ManualClock::new());
    let route = Route::to(faults.wrap(Memory::default())).timeout(Duration::from_secs(1));
    let cache = Cache::builder().route("", route).clock(clock.clone()).build().await.unwrap();
    cache.close().await.unwrap();
    faults.hang(true);
    let closing = tokio::spawn({
        let cache = cache.clone();
        async move { cache.close().await }
    });
    settle().await;
    clock.advance(Duration::from_secs(1));
    assert!(matches!(closing.await.unwrap(), Err(Error::Timeout { .. })));
}
