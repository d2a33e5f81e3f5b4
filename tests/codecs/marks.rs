//! What comes back with a value: kinds, times, tags, versions, on a server that keeps bytes and an expiry.

use macadamia::testing::{ManualClock, Wire};
use macadamia::{
    Cache, Error, EventKind, Expiry, Outcome, Route, Scope, cached, detect, early, fail, hit, soft,
};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::{ALL, Told, observed};
use crate::support::settle;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Trouble {
    Missing(u32),
    Down { since: String },
}

/// Two processes on one server.
async fn two(wire: &Wire, clock: &ManualClock) -> [(Cache, Told); 2] {
    [
        observed(Cache::builder().route("", wire.clone()), clock).await,
        observed(Cache::builder().route("", wire.clone()), clock).await,
    ]
}

#[tokio::test]
async fn an_early_number_keeps_its_tags_and_until_when_it_is_fresh() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    #[early(ttl = "9s", early_ttl = "3s", key = "early", tags = ["early-tag"])]
    async fn count() -> u64 {
        RUNS.fetch_add(1, SeqCst) + 1
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(one, _), (other, told)] = two(&wire, &clock).await;
    let call = |cache: &Cache| Scope::new().cache(cache).run(detect(count()));
    assert_eq!(call(&one).await.0, 1);
    clock.advance(Duration::from_secs(2));
    let (answer, calls) = call(&other).await;
    let found = calls.first_hit().unwrap();
    assert_eq!((answer, found.outcome, found.age), (1, Outcome::Hit, Duration::from_secs(2)));
    assert_eq!(found.ttl_left(), Some(Duration::from_secs(7)));
    // Past what it is fresh for, as the other process has learned from the envelope alone.
    clock.advance(Duration::from_secs(1));
    let (answer, calls) = call(&other).await;
    assert_eq!((answer, calls.count(Outcome::Stale)), (1, 1));
    settle().await;
    assert_eq!(told.of(EventKind::Refreshed).len(), 1);
    assert_eq!(call(&one).await.0, 2);
    other.delete_tags(["early-tag"]).await.unwrap();
    assert_eq!(call(&one).await.0, 3);
}

#[tokio::test]
async fn soft_hit_and_fail_go_on_in_another_process() {
    static DOWN: AtomicUsize = AtomicUsize::new(0);
    static RUNS: AtomicU64 = AtomicU64::new(0);
    async fn ask() -> Result<u64, Error> {
        let runs = RUNS.fetch_add(1, SeqCst) + 1;
        if DOWN.load(SeqCst) > 0 { Err(Error::Locked) } else { Ok(runs) }
    }
    #[soft(ttl = "9s", soft_ttl = "3s", key = "soft")]
    async fn softly() -> Result<u64, Error> {
        ask().await
    }
    #[hit(ttl = "9s", cache_hits = 2, key = "hit")]
    async fn some_hits() -> Result<u64, Error> {
        ask().await
    }
    #[fail(ttl = "9s", key = "last")]
    async fn failing() -> Result<u64, Error> {
        ask().await
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(one, _), (other, _)] = two(&wire, &clock).await;
    let first = async { (softly().await, some_hits().await, failing().await) };
    assert!(matches!(Scope::new().cache(&one).run(first).await, (Ok(1), Ok(2), Ok(3))));
    DOWN.store(1, SeqCst);
    clock.advance(Duration::from_secs(4));
    let again = async { (softly().await, some_hits().await, failing().await) };
    let (again, calls) = Scope::new().cache(&other).run(detect(again)).await;
    assert!(matches!(again, (Ok(1), Ok(2), Ok(3))), "{again:?}");
    let outcomes: Vec<_> = calls.into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Outcome::Stale, Outcome::Hit, Outcome::Fallback]);
    // Two hits are all it was stored for, whoever has them.
    let runs = RUNS.load(SeqCst);
    for (cache, ran) in [(&one, 0), (&other, 1)] {
        assert!(matches!(Scope::new().cache(cache).run(some_hits()).await, Ok(2)));
        assert_eq!(RUNS.load(SeqCst) - runs, ran);
    }
}

#[tokio::test]
async fn none_comes_back_as_none_and_for_its_own_time() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", none_ttl = "5s", key = "none")]
    async fn nobody() -> Result<Option<String>, Error> {
        RUNS.fetch_add(1, SeqCst);
        Ok(None)
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(one, _), (other, told)] = two(&wire, &clock).await;
    assert_eq!(Scope::new().cache(&one).run(nobody()).await.unwrap(), None);
    assert_eq!(Scope::new().cache(&other).run(nobody()).await.unwrap(), None);
    assert_eq!((RUNS.load(SeqCst), told.of(EventKind::Hit).len()), (1, 1));
    assert_eq!(other.get_expire("none").await.unwrap(), Expiry::In(Duration::from_secs(5)));
    assert_eq!(other.get::<String>("none").await.unwrap(), None, "it is no value");
    clock.advance(Duration::from_secs(5));
    Scope::new().cache(&other).run(nobody()).await.unwrap();
    assert_eq!(RUNS.load(SeqCst), 2);
}

#[tokio::test]
async fn an_error_with_serde_comes_back_under_every_codec_that_can_write_it() {
    #[cached(ttl = "1h", err_ttl = "5s", key = "err:<id>")]
    async fn troubled(id: u32) -> Result<String, Trouble> {
        RUNS.fetch_add(1, SeqCst);
        Err(if id == 0 { Trouble::Down { since: "noon".to_owned() } } else { Trouble::Missing(id) })
    }
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    for known in ALL.iter().filter(|known| !["string", "raw"].contains(&known.codec.name())) {
        let (wire, clock) = (Wire::new(), ManualClock::new());
        let route = || Route::to(wire.clone()).codec(known.codec);
        let (one, _) = observed(Cache::builder().route("", route()), &clock).await;
        let (other, told) = observed(Cache::builder().route("", route()), &clock).await;
        let before = RUNS.load(SeqCst);
        for cache in [&one, &other] {
            let called = async { (troubled(0).await, troubled(7).await) };
            let (down, missing) = Scope::new().cache(cache).run(called).await;
            assert_eq!(down, Err(Trouble::Down { since: "noon".to_owned() }), "{}", known.codec.name());
            assert_eq!(missing, Err(Trouble::Missing(7)));
        }
        assert_eq!(RUNS.load(SeqCst) - before, 2, "{}", known.codec.name());
        assert_eq!(told.of(EventKind::Hit).len(), 2);
        assert_eq!(other.get::<String>("err:7").await.unwrap(), None, "it is no value");
    }
}

#[tokio::test]
async fn an_error_without_serde_never_reaches_the_server() {
    #[derive(Debug, Clone, PartialEq)]
    struct Silent;
    #[cached(ttl = "1h", err_ttl = "5s", key = "silent")]
    async fn silent() -> Result<String, Silent> {
        Err(Silent)
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(cache, _), _] = two(&wire, &clock).await;
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&cache).run(silent()).await, Err(Silent));
    }
    assert!(wire.is_empty());
}

#[tokio::test]
async fn a_value_without_serde_is_computed_each_time_and_told() {
    #[derive(Debug, Clone, PartialEq)]
    struct Opaque(u8);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "opaque")]
    async fn opaque() -> Opaque {
        RUNS.fetch_add(1, SeqCst);
        Opaque(1)
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(cache, told), _] = two(&wire, &clock).await;
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&cache).run(opaque()).await, Opaque(1));
    }
    assert_eq!(RUNS.load(SeqCst), 2);
    assert!(wire.is_empty() && !told.of(EventKind::NotSerializable).is_empty());
}

#[tokio::test]
async fn an_entry_of_another_version_is_absent() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "versioned", version = 1, handle = Old)]
    async fn old() -> String {
        "old".to_owned()
    }
    #[cached(ttl = "1h", key = "versioned", version = 2, handle = New)]
    async fn new() -> String {
        RUNS.fetch_add(1, SeqCst);
        "new".to_owned()
    }
    let (wire, clock) = (Wire::new(), ManualClock::new());
    let [(one, _), (other, told)] = two(&wire, &clock).await;
    Scope::new().cache(&one).run(old()).await;
    let called = async { (New::peek().await.unwrap(), new().await, new().await, Old::peek().await.unwrap()) };
    let (before, first, second, after) = Scope::new().cache(&other).run(called).await;
    assert_eq!((before, first.as_str(), second.as_str(), after), (None, "new", "new", None));
    assert_eq!(RUNS.load(SeqCst), 1);
    assert_eq!(told.of(EventKind::Unreadable).len(), 1, "the call that met it");
}
