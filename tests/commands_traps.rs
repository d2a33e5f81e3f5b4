//! What commands of caches commonly get wrong, the same on every kind of backend.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::testing::ManualClock;
use macadamia::{Cache, Error, Expiry, Memory};
use std::time::Duration;
use support::Fixture;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn forever_is_said_where_a_route_has_a_default() {
    let clock = ManualClock::new();
    let cache = Cache::builder().route("", "mem://?ttl=10s").clock(clock.clone()).build().await.unwrap();
    cache.set("default", &1).await.unwrap();
    cache.set("never", &1).ttl("forever").await.unwrap();
    cache.incr("counter").await.unwrap();
    cache.incr("endless").ttl("forever").await.unwrap();
    cache.set_raw("raw", "bytes").await.unwrap();
    assert_eq!(cache.get_expire("default").await.unwrap(), Expiry::In(10 * SECOND));
    assert_eq!(cache.get_expire("never").await.unwrap(), Expiry::Never);
    assert_eq!(cache.get_expire("counter").await.unwrap(), Expiry::In(10 * SECOND));
    assert_eq!(cache.get_expire("endless").await.unwrap(), Expiry::Never);
    assert_eq!(cache.get_expire("raw").await.unwrap(), Expiry::In(10 * SECOND));
    clock.advance(4 * SECOND);
    assert!(cache.touch("default").await.unwrap());
    assert_eq!(cache.get_expire("default").await.unwrap(), Expiry::In(10 * SECOND));
    assert!(cache.touch("never").ttl("forever").await.unwrap());
    assert_eq!(cache.get_expire("never").await.unwrap(), Expiry::Never);
}

#[tokio::test]
async fn counters_make_room_for_each_other_as_values_do() {
    let cache = Cache::builder().route("", Memory::builder().max_entries(10).build()).build().await.unwrap();
    for number in 0..1_000 {
        cache.incr(format!("n:{number}")).await.unwrap();
    }
    let count = cache.keys_count().await.unwrap();
    assert!((1..=11).contains(&count), "{count} counters");
}

#[tokio::test]
async fn counters_pass_zero_and_are_told_as_they_are() {
    for Fixture { cache, .. } in Fixture::each().await {
        assert_eq!(cache.incr("n").by(2).await.unwrap(), 2);
        assert_eq!(cache.incr("n").by(-2).await.unwrap(), 0);
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(0));
        assert_eq!(cache.decr("n").by(3).await.unwrap(), -3);
        assert_eq!(cache.incr("n").await.unwrap(), -2, "a negative counter counts on");
        assert!(cache.decr("n").by(i64::MIN).await.is_err());
    }
}

#[tokio::test]
async fn an_expiry_is_taken_away_also_where_there_is_none() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        cache.set("k", &1).await.unwrap();
        assert!(cache.expire("k", "forever").await.unwrap());
        assert!(cache.touch("k").await.unwrap());
        assert!(!cache.expire("none", "forever").await.unwrap());
        assert!(cache.expire("k", "1500ms").await.unwrap());
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(Duration::from_millis(1_500)));
        assert!(cache.expire("k", "forever").await.unwrap());
        clock.advance(1_000 * SECOND);
        assert!(cache.exists("k").await.unwrap());
        assert!(cache.set("k", &1).ttl("60d").await.unwrap());
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(60 * 86_400 * SECOND));
    }
}

#[tokio::test]
async fn empty_lists_do_nothing_and_keys_may_repeat() {
    for Fixture { cache, .. } in Fixture::each().await {
        assert_eq!(cache.get_many::<u8, _>([] as [&str; 0]).await.unwrap(), []);
        cache.set_many([] as [(&str, &u8); 0]).await.unwrap();
        assert_eq!(cache.delete_many([] as [&str; 0]).await.unwrap(), 0);
        cache.delete_tags([] as [&str; 0]).await.unwrap();
        cache.set_many([("a", &1u8), ("b", &2), ("a", &3)]).await.unwrap();
        let found = cache.get_many::<u8, _>(["b", "none", "a", "b", "a"]).await.unwrap();
        assert_eq!(found, [Some(2), None, Some(3), Some(2), Some(3)]);
        assert_eq!(cache.delete_many(["a", "a", "none"]).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn what_has_expired_is_absent_for_every_command() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        for key in ["a", "b", "c", "d", "e", "f"] {
            cache.set(key, &7i64).ttl("1s").await.unwrap();
        }
        let (_, token) = cache.gets::<i64>("a").await.unwrap().unwrap();
        clock.advance(SECOND);
        assert!(!cache.exists("a").await.unwrap());
        assert!(!cache.touch("a").await.unwrap());
        assert!(!cache.cas("a", &8i64, &token).await.unwrap());
        assert!(cache.gets::<i64>("a").await.unwrap().is_none());
        assert_eq!(cache.get_raw("a").await.unwrap(), None);
        assert_eq!(cache.size_of("a").await.unwrap(), None);
        assert!(cache.get_match::<i64>("*").await.unwrap().is_empty());
        assert!(cache.add("b", &1i64).await.unwrap());
        assert_eq!(cache.incr("c").await.unwrap(), 1);
        assert!(!cache.set_raw("d", "bytes").if_present().await.unwrap());
        assert!(cache.set_raw("e", "bytes").if_absent().await.unwrap());
        assert!(!cache.delete("f").await.unwrap());
    }
}

#[tokio::test]
async fn what_is_set_after_clear_keeps_its_own_life() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        cache.set("k", &1).ttl("5s").await.unwrap();
        cache.clear().await.unwrap();
        cache.set("k", &2).await.unwrap();
        clock.advance(5 * SECOND);
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn a_number_that_was_set_is_counted_on_with() {
    for fixture in Fixture::each().await {
        let cache = &fixture.cache;
        cache.set("n", &41u8).await.unwrap();
        assert_eq!(cache.incr("n").await.unwrap(), 42);
        assert_eq!(cache.get::<u8>("n").await.unwrap(), Some(42));
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(42));
        assert_eq!(cache.get::<String>("n").await.unwrap(), None);
        cache.set("large", &u64::MAX).await.unwrap();
        assert_eq!(cache.get::<u64>("large").await.unwrap(), Some(u64::MAX));
        assert!(matches!(cache.incr("large").await, Err(Error::NotANumber)));
        cache.set("text", "41").await.unwrap();
        assert!(matches!(cache.incr("text").await, Err(Error::NotANumber)));
    }
}
