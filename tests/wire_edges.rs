//! What goes wrong between a value and its bytes when nobody looks: changed types, empty firsts, clocks, spellings.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{
    BoxFuture, Cache, Clock, Error, EventKind, Route, Scope, Time, Value, cached, early, hit, middleware,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Events, Fixture};

async fn by(codec: &str) -> Cache {
    Cache::builder().route("", Route::to(Wire::new()).codec(codec)).build().await.unwrap()
}

// ── Types ──

/// Accepts what no recorder would make up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Postcode(String);

impl TryFrom<String> for Postcode {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.starts_with("NUT-") { Ok(Self(text)) } else { Err("no postcode") }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Before {
    first: String,
    last: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct After {
    last: String,
    first: String,
}

#[tokio::test]
async fn what_stands_behind_a_part_that_accepts_few_values_is_not_for_bincode() {
    let ada = Before { first: "Ada".to_owned(), last: "Lovelace".to_owned() };
    let people = HashMap::from([(Postcode("NUT-7".to_owned()), ada)]);
    let error = by("bincode").await.set("people", &people).await.unwrap_err().to_string();
    assert!(error.contains("cannot be seen") && error.contains("`json`"), "{error}");
    let pair = (Postcode("NUT-7".to_owned()), 3u32);
    assert!(matches!(by("bincode").await.set("pair", &pair).await, Err(Error::Codec { .. })));
    for codec in ["json", "msgpack"] {
        let cache = by(codec).await;
        cache.set("people", &people).await.unwrap();
        assert_eq!(cache.get("people").await.unwrap().as_ref(), Some(&people));
        let changed: Option<HashMap<Postcode, After>> = cache.get("people").await.unwrap();
        assert!(changed.is_none_or(|people| people.values().all(|after| after.first == "Ada")), "{codec}");
    }
}

#[tokio::test]
async fn what_was_retyped_far_inside_of_one_generic_is_a_miss() {
    type Two<T> = Result<Result<T, u8>, u8>;
    type Four<T> = Two<Two<T>>;
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Page<T> {
        item: T,
    }
    let page = |item| Page { item: Page { item: Page { item: Page { item } } } };
    let cache = by("bincode").await;
    cache.set("pages", &page(3u32)).await.unwrap();
    assert_eq!(cache.get("pages").await.unwrap(), Some(page(3u32)));
    assert_eq!(cache.get::<Page<Page<Page<Page<i32>>>>>("pages").await.unwrap(), None);
    let results: Four<u32> = Ok(Ok(Ok(Ok(3))));
    cache.set("results", &results).await.unwrap();
    assert_eq!(cache.get::<Four<i32>>("results").await.unwrap(), None);
}

/// An empty list first, then one with this in it: refused, or read as it was.
async fn after_an_empty_one<T: Value + PartialEq + Debug>(codec: &str, value: T) -> bool {
    let cache = by(codec).await;
    cache.set("k", &Vec::<T>::new()).await.unwrap();
    let stored = cache.set("k", &vec![value.clone()]).await.is_ok();
    if stored {
        let read = cache.get::<Vec<T>>("k").await.unwrap();
        assert!(read.as_ref().is_none_or(|read| *read == [value]), "by {codec} it came back as {read:?}");
    }
    stored
}

#[tokio::test]
async fn an_empty_first_value_does_not_speak_for_its_elements() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Asymmetric {
        #[serde(skip_deserializing)]
        rank: u8,
        name: String,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, rename_all(serialize = "camelCase"))]
    #[derive(Default)]
    struct Renamed {
        first_name: String,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Doubled(#[serde(serialize_with = "twice")] u32);
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    fn twice<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(number * 2)
    }
    assert!(!after_an_empty_one("bincode", Asymmetric { rank: 3, name: "ab".to_owned() }).await);
    for codec in ["json", "msgpack"] {
        assert!(!after_an_empty_one(codec, Renamed { first_name: "Ada".to_owned() }).await);
        assert!(!after_an_empty_one(codec, Doubled(7)).await);
    }
    assert!(!after_an_empty_one("bincode", Doubled(7)).await);
    assert!(
        after_an_empty_one("bincode", Renamed { first_name: "Ada".to_owned() }).await,
        "names are not written"
    );
}

// ── Clocks ──

/// A host: its wall is that of a clock in the hand, and so much ahead.
#[derive(Debug, Clone)]
struct Host(ManualClock, Arc<AtomicU64>);

impl Host {
    fn ahead(by: Duration) -> Self {
        Self(ManualClock::new(), Arc::new(AtomicU64::new(u64::try_from(by.as_nanos()).unwrap())))
    }
}

impl Clock for Host {
    fn now(&self) -> Time {
        self.0.now()
    }

    fn wall(&self) -> u64 {
        self.0.wall() + self.1.load(SeqCst)
    }

    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()> {
        self.0.sleep_until(deadline)
    }
}

#[tokio::test]
async fn what_a_host_whose_clock_is_ahead_has_counted_or_added_is_not_written_over() {
    let wire = Wire::new();
    let on = |ahead| {
        let route = Route::to(wire.clone()).secret("thirty-two bytes of a secret or so");
        Cache::builder().route("", route).clock(Host::ahead(Duration::from_secs(ahead))).build()
    };
    let (ahead, behind) = (on(6).await.unwrap(), on(0).await.unwrap());
    for _ in 0..5 {
        ahead.incr("n").await.unwrap();
    }
    assert_eq!(behind.incr("n").await.unwrap(), 6);
    assert!(ahead.add("leader", "one").await.unwrap());
    assert!(!behind.add("leader", "other").await.unwrap(), "both lead");
}

// ── Refreshes and counts ──

static SESSIONS: Mutex<Option<Cache>> = Mutex::new(None);
static RUNS: AtomicUsize = AtomicUsize::new(0);

#[early(ttl = "1h", early_ttl = "10m", background = false, key = "session")]
async fn session(touches: bool) -> usize {
    let cache = SESSIONS.lock().unwrap().clone().filter(|_| touches);
    if let Some(cache) = cache {
        assert!(cache.touch("session").ttl("1h").await.unwrap());
    }
    RUNS.fetch_add(1, SeqCst)
}

#[tokio::test]
async fn a_refresh_is_stored_though_the_value_was_touched_meanwhile() {
    let fixture = Fixture::wire().await;
    *SESSIONS.lock().unwrap() = Some(fixture.cache.clone());
    fixture.run(session(false)).await;
    fixture.clock.advance(Duration::from_secs(700));
    let fresh = fixture.run(session(true)).await;
    assert_eq!(fixture.run(session(false)).await, fresh);
    assert_eq!(fixture.events.count(EventKind::Overtaken), 0);
}

static COUNTED: AtomicUsize = AtomicUsize::new(0);

#[hit(ttl = "forever", cache_hits = 3, key = "counted")]
async fn counted() -> String {
    COUNTED.fetch_add(1, SeqCst).to_string()
}

#[tokio::test]
async fn a_value_whose_count_is_forgotten_is_computed_anew() {
    let (wire, clock, events) = (Wire::new(), ManualClock::new(), Events::default());
    let builder = Cache::builder().route("", wire.clone()).clock(clock.clone()).observer(events.clone());
    let cache = builder.build().await.unwrap();
    let call = || Scope::new().cache(&cache).run(counted());
    assert_eq!(call().await, "0");
    assert_eq!(call().await, "0");
    // Nobody comes for days; the count goes, and how often it was given is not known any more.
    clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(call().await, "1");
    for _ in 0..3 {
        assert_eq!(call().await, "1");
    }
    assert_eq!(call().await, "2");
}

// ── Spellings ──

#[derive(Debug, Clone, PartialEq)]
struct Plain(usize);

static FAILED: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", err_ttl = "10m", key = "USER:<id>")]
async fn failing(id: u32) -> Result<u32, Plain> {
    if id == 0 { Ok(id) } else { Err(Plain(FAILED.fetch_add(1, SeqCst))) }
}

#[tokio::test]
async fn an_error_kept_aside_goes_with_its_key_however_that_is_spelled() {
    let route = Route::to(Wire::new()).middleware(middleware::LowerKeys);
    let cache = Cache::builder().route("", route).build().await.unwrap();
    let call = || Scope::new().cache(&cache).run(failing(1));
    let before = call().await.unwrap_err();
    assert_eq!(call().await.unwrap_err(), before);
    cache.delete("user:1").await.unwrap();
    assert_ne!(call().await.unwrap_err(), before);
}
