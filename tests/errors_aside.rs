//! `err_ttl` on a backend of bytes: errors with serde go to it, the others stay in this process.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, EventKind, Scope, cached};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Events, Fixture};

/// Has no way into bytes.
#[derive(Debug, Clone, PartialEq)]
struct Plain(&'static str);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Told(String);

static PLAIN: AtomicUsize = AtomicUsize::new(0);
static TOLD: AtomicUsize = AtomicUsize::new(0);

async fn process(wire: &Wire, clock: &ManualClock) -> (Cache, Events) {
    let events = Events::default();
    let builder = Cache::builder().route("", wire.clone()).clock(clock.clone()).observer(events.clone());
    (builder.build().await.unwrap(), events)
}

#[tokio::test]
async fn an_error_without_serde_stays_in_this_process_for_its_ttl() {
    #[cached(ttl = "1h", err_ttl = "5s", key = "aside:plain:<id>", tags = ["asides"])]
    async fn plain(id: u8) -> Result<u8, Plain> {
        PLAIN.fetch_add(1, SeqCst);
        if id > 100 { Ok(id) } else { Err(Plain("too small")) }
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let (one, events) = process(&wire, &clock).await;
    let (other, _) = process(&wire, &clock).await;
    let call = |cache: &Cache| Scope::new().cache(cache).run(plain(7));
    for _ in 0..3 {
        assert_eq!(call(&one).await, Err(Plain("too small")));
    }
    assert_eq!(PLAIN.load(SeqCst), 1, "the error was not kept");
    assert_eq!((events.count(EventKind::Stored), events.count(EventKind::Hit)), (1, 2));
    assert!(wire.is_empty(), "it has no way into bytes");
    call(&other).await.unwrap_err();
    assert_eq!(PLAIN.load(SeqCst), 2, "it stays in the process");

    clock.advance(Duration::from_secs(5));
    call(&one).await.unwrap_err();
    assert_eq!(PLAIN.load(SeqCst), 3, "its ttl is over");
    one.delete("aside:plain:7").await.unwrap();
    call(&one).await.unwrap_err();
    assert_eq!(PLAIN.load(SeqCst), 4, "it was deleted");
    one.delete_match("aside:*").await.unwrap();
    call(&one).await.unwrap_err();
    assert_eq!(PLAIN.load(SeqCst), 5, "it was deleted by a pattern");
    other.delete_tags(["asides"]).await.unwrap();
    call(&one).await.unwrap_err();
    assert_eq!(PLAIN.load(SeqCst), 6, "another process ended its tag");
    one.set("aside:plain:7", &9u8).await.unwrap();
    assert_eq!(call(&one).await, Ok(9), "a value is the better answer");
}

#[tokio::test]
async fn an_error_that_was_deleted_while_it_was_computed_is_not_kept() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", err_ttl = "5s", key = "aside:race")]
    async fn race(cache: Cache) -> Result<u8, Plain> {
        CALLS.fetch_add(1, SeqCst);
        cache.delete("aside:race").await.unwrap();
        Err(Plain("old"))
    }
    let (cache, events) = process(&Wire::new(), &ManualClock::new()).await;
    for _ in 0..2 {
        Scope::new().cache(&cache).run(race(cache.clone())).await.unwrap_err();
    }
    assert_eq!(CALLS.load(SeqCst), 2);
    assert_eq!(events.count(EventKind::Overtaken), 2);
}

#[tokio::test]
async fn an_error_with_serde_is_found_by_other_processes() {
    #[cached(ttl = "1h", err_ttl = "5s", key = "aside:told")]
    async fn told() -> Result<u8, Told> {
        TOLD.fetch_add(1, SeqCst);
        Err(Told("no such user".to_owned()))
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let ((one, _), (other, events)) = (process(&wire, &clock).await, process(&wire, &clock).await);
    let call = |cache: &Cache| Scope::new().cache(cache).run(told());
    assert_eq!(call(&one).await, Err(Told("no such user".to_owned())));
    assert_eq!(call(&other).await, Err(Told("no such user".to_owned())));
    assert_eq!((TOLD.load(SeqCst), events.count(EventKind::Hit)), (1, 1));
    assert_eq!(wire.len(), 1);
    let Fixture { cache, .. } = Fixture::memory().await;
    call(&cache).await.unwrap_err();
    call(&cache).await.unwrap_err();
    assert_eq!(TOLD.load(SeqCst), 2, "memory keeps it as it is");
}
