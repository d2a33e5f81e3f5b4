//! Whole numbers lie in digits, so that a server can count; under a secret they are entries like all others.

use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, Error, EventKind, Expiry, Route};
use std::time::Duration;

use super::{ALL, Told, observed};

const SECRET: &str = "thirty-two bytes, more or less";

/// Each codec, in the open and under a secret.
async fn each(check: impl AsyncFn(&Cache, &Wire, bool, &ManualClock)) {
    each_telling(async |cache, wire, is_secret, clock, told| {
        check(cache, wire, is_secret, clock).await;
        assert!(told.of(EventKind::Unreadable).is_empty());
    })
    .await;
}

/// The same, and what was told.
async fn each_telling(check: impl AsyncFn(&Cache, &Wire, bool, &ManualClock, &Told)) {
    for known in &ALL {
        for is_secret in [false, true] {
            let (wire, clock) = (Wire::new(), ManualClock::new());
            let mut route = Route::to(wire.clone()).codec(known.codec);
            if is_secret {
                route = route.secret(SECRET);
            }
            let (cache, told) = observed(Cache::builder().route("", route), &clock).await;
            check(&cache, &wire, is_secret, &clock, &told).await;
        }
    }
}

#[tokio::test]
async fn a_number_is_set_counted_and_read_as_any_whole_type_under_every_codec() {
    each(async |cache, wire, is_secret, _| {
        cache.set("n", &5u8).await.unwrap();
        assert_eq!(cache.get_raw("n").await.unwrap().unwrap(), "5");
        assert_eq!(cache.incr("n").by(7).await.unwrap(), 12);
        assert_eq!(cache.decr("n").await.unwrap(), 11);
        assert_eq!(cache.get_raw("n").await.unwrap().unwrap(), "11");
        let lies_open = wire.stored("n").is_none_or(|bytes| !bytes.starts_with(b"\xca\xda"));
        assert_eq!(lies_open, !is_secret, "what the server sees");
        macro_rules! each {
            ($($int:ty)*) => {$(
                assert_eq!(cache.get::<$int>("n").await.unwrap(), Some(11), stringify!($int));
            )*};
        }
        each!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize i128);
        cache.incr("new").await.unwrap();
        assert_eq!(cache.get::<u16>("new").await.unwrap(), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_number_that_the_type_does_not_hold_is_a_miss() {
    each_telling(async |cache, _, _, _, told| {
        cache.set("n", &-300i64).await.unwrap();
        assert_eq!(cache.get::<u8>("n").await.unwrap(), None);
        assert_eq!(cache.get::<i8>("n").await.unwrap(), None);
        assert_eq!(cache.get::<i16>("n").await.unwrap(), Some(-300));
        assert_eq!(cache.get::<String>("n").await.unwrap(), None);
        assert_eq!(cache.get::<bool>("n").await.unwrap(), None);
        assert_eq!(told.of(EventKind::Unreadable).len(), 4);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_number_is_not_counted_and_stays_as_it_was() {
    each(async |cache, _, _, _| {
        cache.set("word", "five").await.unwrap();
        assert!(matches!(cache.incr("word").await, Err(Error::NotANumber)));
        assert_eq!(cache.get::<String>("word").await.unwrap().as_deref(), Some("five"));
    })
    .await;
}

#[tokio::test]
async fn a_counter_keeps_its_life_and_its_tags_while_it_is_counted() {
    each(async |cache, _, _, clock| {
        cache.set("n", &1).ttl("1h").tags(["counters"]).await.unwrap();
        clock.advance(Duration::from_secs(600));
        assert_eq!(cache.incr("n").ttl("9h").await.unwrap(), 2);
        assert_eq!(cache.get_expire("n").await.unwrap(), Expiry::In(Duration::from_secs(3000)));
        cache.delete_tags(["counters"]).await.unwrap();
        assert_eq!(cache.get::<i32>("n").await.unwrap(), None);
        assert_eq!(cache.incr("n").ttl("1m").await.unwrap(), 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(cache.get::<i32>("n").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_number_beyond_64_bits_is_a_value_like_others() {
    each(async |cache, _, _, _| {
        for (key, number) in [("most", u64::MAX), ("next", 1 << 63)] {
            let Ok(stored) = cache.set(key, &number).await else { continue };
            assert!(stored);
            assert_eq!(cache.get::<u64>(key).await.unwrap(), Some(number), "{key}");
            assert!(matches!(cache.incr(key).await, Err(Error::NotANumber)), "{key}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_number_that_somebody_wrote_past_the_secret_is_not_believed() {
    let wire = Wire::new();
    let (open, _) = observed(Cache::builder().route("", wire.clone()), &ManualClock::new()).await;
    let route = Route::to(wire.clone()).secret(SECRET);
    let (signed, told) = observed(Cache::builder().route("", route), &ManualClock::new()).await;
    open.set("n", &1_000_000).await.unwrap();
    assert_eq!(signed.get::<i64>("n").await.unwrap(), None);
    let why = "the stored entry cannot be used: it is not signed, and this cache has a secret";
    assert_eq!(told.of(EventKind::Unreadable), [why]);
    assert_eq!(signed.incr("n").await.unwrap(), 1);
    assert_eq!(told.of(EventKind::Unreadable), [why]);
}
