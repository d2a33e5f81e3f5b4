//! The commands of a cache on memory.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::{Error, Expiry, Memory};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[tokio::test]
async fn what_was_set_is_got_with_its_type() {
    let cache = Fixture::memory().await.cache;
    assert!(cache.set("k", "text").await.unwrap());
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("text"));
    assert!(cache.set("k", &Point { x: 1, y: 2 }).await.unwrap());
    assert_eq!(cache.get::<Point>("k").await.unwrap(), Some(Point { x: 1, y: 2 }));
    assert_eq!(cache.get::<String>("k").await.unwrap(), None, "another type is a miss");
    assert_eq!(cache.get::<Point>("missing").await.unwrap(), None);
    let map = HashMap::from([("a".to_owned(), vec![1, 2])]);
    cache.set("map", &map).ttl(600).await.unwrap();
    assert_eq!(cache.get::<HashMap<String, Vec<i32>>>("map").await.unwrap(), Some(map));
}

#[tokio::test]
async fn falsy_values_are_values() {
    let cache = Fixture::memory().await.cache;
    cache.set("zero", &0u8).await.unwrap();
    cache.set("empty", "").await.unwrap();
    cache.set("none", &None::<u8>).await.unwrap();
    assert_eq!(cache.get::<u8>("zero").await.unwrap(), Some(0));
    assert_eq!(cache.get::<String>("empty").await.unwrap().as_deref(), Some(""));
    assert_eq!(cache.get::<Option<u8>>("none").await.unwrap(), Some(None));
    assert!(cache.delete("zero").await.unwrap());
}

#[tokio::test]
async fn set_without_ttl_has_no_expiry_and_keeps_no_older_one() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    cache.set("k", &1).ttl("5s").await.unwrap();
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(5 * SECOND));
    cache.set("k", &2).await.unwrap();
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Never);
    clock.advance(1_000 * SECOND);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
}

#[tokio::test]
async fn an_expired_entry_is_absent_for_every_command() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    for key in ["a", "b", "c", "d", "e"] {
        cache.set(key, &1i64).ttl("5s").await.unwrap();
    }
    clock.advance(5 * SECOND);
    assert_eq!(cache.get::<i64>("a").await.unwrap(), None);
    assert!(!cache.exists("a").await.unwrap());
    assert!(!cache.expire("a", "9s").await.unwrap());
    assert!(!cache.touch("a").await.unwrap());
    assert_eq!(cache.get_expire("a").await.unwrap(), Expiry::Missing);
    assert!(cache.add("b", &2i64).await.unwrap(), "an expired entry blocks add");
    assert_eq!(cache.incr("c").await.unwrap(), 1);
    assert!(!cache.set("d", &3i64).if_present().await.unwrap());
    assert!(!cache.delete("e").await.unwrap());
    assert_eq!(cache.keys_count().await.unwrap(), 2);
}

#[tokio::test]
async fn conditional_sets_store_only_where_they_may() {
    let cache = Fixture::memory().await.cache;
    assert!(!cache.set("k", &1).if_present().await.unwrap());
    assert!(cache.set("k", &1).if_absent().await.unwrap());
    assert!(!cache.set("k", &2).if_absent().await.unwrap());
    assert!(!cache.add("k", &3).ttl("1h").await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Never);
    assert!(cache.set("k", &4).if_present().await.unwrap());
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_adds_one_wins() {
    let cache = Fixture::memory().await.cache;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..100 {
        let cache = cache.clone();
        tasks.spawn(async move { cache.add("only", &number).await.unwrap() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|stored| *stored).count(), 1);
}

#[tokio::test]
async fn many_at_once_keep_their_order_and_empty_lists_do_nothing() {
    let cache = Fixture::memory().await.cache;
    cache.set_many([("a", &1), ("b", &2), ("a", &3)]).ttl("1h").await.unwrap();
    assert_eq!(
        cache.get_many::<i32, _>(["b", "x", "a", "b"]).await.unwrap(),
        [Some(2), None, Some(3), Some(2)]
    );
    assert_eq!(cache.get_many::<i32, _>([] as [&str; 0]).await.unwrap(), []);
    cache.set_many([] as [(&str, &i32); 0]).await.unwrap();
    assert_eq!(cache.get_expire("b").await.unwrap(), Expiry::In(3600 * SECOND));
    assert_eq!(cache.delete_many(["a", "b", "x", "a"]).await.unwrap(), 2);
    assert_eq!(cache.delete_many([] as [&str; 0]).await.unwrap(), 0);
}

#[tokio::test]
async fn counters_count_both_ways_and_read_as_any_integer() {
    let cache = Fixture::memory().await.cache;
    assert_eq!(cache.incr("n").await.unwrap(), 1);
    assert_eq!(cache.incr("n").by(5).await.unwrap(), 6);
    assert_eq!(cache.decr("n").by(10).await.unwrap(), -4);
    assert_eq!(cache.incr("n").by(4).await.unwrap(), 0);
    assert_eq!(cache.decr("new").by(2).await.unwrap(), -2);
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(0));
    assert_eq!(cache.get::<u8>("n").await.unwrap(), Some(0));
    assert_eq!(cache.get::<u8>("new").await.unwrap(), None, "-2 is no u8");
    cache.set("set", &7u16).await.unwrap();
    assert_eq!(cache.incr("set").await.unwrap(), 8);
}

#[tokio::test]
async fn a_counter_gets_its_expiry_at_any_step_and_keeps_it() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    assert_eq!(cache.incr("n").by(5).ttl("10s").await.unwrap(), 5);
    assert_eq!(cache.get_expire("n").await.unwrap(), Expiry::In(10 * SECOND));
    clock.advance(4 * SECOND);
    cache.incr("n").ttl("10s").await.unwrap();
    assert_eq!(cache.get_expire("n").await.unwrap(), Expiry::In(6 * SECOND));
    clock.advance(6 * SECOND);
    assert_eq!(cache.incr("n").await.unwrap(), 1);
    cache.incr("n").ttl("3s").await.unwrap();
    assert_eq!(cache.get_expire("n").await.unwrap(), Expiry::In(3 * SECOND));
}

#[tokio::test]
async fn what_is_no_integer_cannot_be_counted_and_stays_as_it_is() {
    let cache = Fixture::memory().await.cache;
    cache.set("text", "5").await.unwrap();
    assert!(matches!(cache.incr("text").await, Err(Error::NotANumber)));
    assert_eq!(cache.get::<String>("text").await.unwrap().as_deref(), Some("5"));
    cache.set("full", &i64::MAX).await.unwrap();
    assert!(cache.incr("full").await.is_err(), "overflow");
    assert_eq!(cache.get::<i64>("full").await.unwrap(), Some(i64::MAX));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_increments_add_up() {
    let cache = Fixture::memory().await.cache;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let cache = cache.clone();
        tasks.spawn(async move {
            for _ in 0..100 {
                cache.incr("n").await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(5_000));
}

#[tokio::test]
async fn lives_can_be_changed_and_told_apart() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Missing);
    assert!(!cache.expire("k", "9s").await.unwrap());
    cache.set("k", &1).await.unwrap();
    assert!(cache.expire("k", "9s").await.unwrap());
    clock.advance(8 * SECOND);
    assert!(cache.touch("k").ttl("9s").await.unwrap());
    clock.advance(8 * SECOND);
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::In(SECOND));
    assert!(cache.expire("k", "forever").await.unwrap());
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Never);
    assert!(cache.expire("k", "forever").await.unwrap(), "also where there is no expiry");
    assert!(cache.expire("k", 0).await.is_err(), "zero is an error");
    assert!(cache.set("k", &1).ttl(-5).await.is_err());
    assert!(cache.set("k", &1).ttl("soon").await.is_err());
}

#[tokio::test]
async fn short_and_long_lives_are_exact() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    cache.set("short", &1).ttl("1ms").await.unwrap();
    cache.set("month", &1).ttl("31d").await.unwrap();
    clock.advance(Duration::from_micros(999));
    assert!(cache.exists("short").await.unwrap());
    clock.advance(Duration::from_micros(1));
    assert!(!cache.exists("short").await.unwrap());
    clock.advance(31 * 86_400 * SECOND - Duration::from_millis(2));
    assert!(cache.exists("month").await.unwrap());
    clock.advance(Duration::from_millis(1));
    assert!(!cache.exists("month").await.unwrap());
}

#[tokio::test]
async fn get_or_set_computes_once_and_only_on_a_miss() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    let runs = AtomicUsize::new(0);
    let compute = || async {
        settle().await;
        runs.fetch_add(1, SeqCst)
    };
    let get = || cache.get_or_set("k", compute).ttl("1h").into_future();
    let (a, b, c) = tokio::join!(get(), get(), get());
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (0, 0, 0));
    assert_eq!(get().await.unwrap(), 0);
    clock.advance(3600 * SECOND);
    assert_eq!(get().await.unwrap(), 1);
    assert_eq!(cache.get::<usize>("k").await.unwrap(), Some(1));
}

#[tokio::test]
async fn scans_and_pattern_deletes_take_keys_literally() {
    let cache = Fixture::memory().await.cache;
    for key in ["a:1", "a:2", "b:1", "k[1]", "k1", "k.", "x\ny", "🦀:1", "a*"] {
        cache.set(key, &1).await.unwrap();
    }
    let scan = async |pattern: &str| {
        let mut keys: Vec<_> = cache.scan(pattern).await.unwrap().iter().map(ToString::to_string).collect();
        keys.sort();
        keys
    };
    assert_eq!(scan("a:*").await, ["a:1", "a:2"]);
    assert_eq!(scan("*:1").await, ["a:1", "b:1", "🦀:1"]);
    assert_eq!(scan("k[1]").await, ["k[1]"]);
    assert_eq!(scan("k.").await, ["k."]);
    assert_eq!(scan("x*y").await, ["x\ny"]);
    assert_eq!(cache.keys_count().await.unwrap(), 9);
    assert_eq!(cache.delete_match("a:*").await.unwrap(), 2);
    assert_eq!(cache.delete_match("nothing*").await.unwrap(), 0);
    assert_eq!(cache.delete_match("k1").await.unwrap(), 1);
    assert_eq!(cache.keys_count().await.unwrap(), 6);
}

#[tokio::test]
async fn reserved_keys_are_not_seen_by_wide_patterns_and_go_with_clear() {
    let cache = Fixture::memory().await.cache;
    cache.set("lock:user:1", &1).await.unwrap();
    cache.set("user:1", &1).await.unwrap();
    assert_eq!(cache.keys_count().await.unwrap(), 1);
    assert_eq!(cache.delete_match("*").await.unwrap(), 1);
    assert!(cache.exists("lock:user:1").await.unwrap());
    assert_eq!(cache.scan("lock:*").await.unwrap().len(), 1);
    cache.clear().await.unwrap();
    assert!(!cache.exists("lock:user:1").await.unwrap());
}

#[tokio::test]
async fn clear_removes_everything_and_what_is_set_after_it_stays() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    for n in 0..1_000 {
        cache.set(format!("k{n}"), &n).ttl("5s").await.unwrap();
    }
    cache.clear().await.unwrap();
    assert_eq!(cache.keys_count().await.unwrap(), 0);
    cache.set("k1", &1).ttl("1h").await.unwrap();
    clock.advance(6 * SECOND);
    settle().await;
    assert_eq!(cache.get::<i32>("k1").await.unwrap(), Some(1), "an old timer took the new value");
}

#[tokio::test]
async fn ping_echoes() {
    let cache = Fixture::memory().await.cache;
    assert_eq!(cache.ping("").await.unwrap(), "PONG");
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
    cache.close().await.unwrap();
    cache.set("k", &1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1), "commands work after close");
}

#[tokio::test]
async fn hostile_keys_are_keys() {
    let cache = Fixture::memory().await.cache;
    let long = "x".repeat(1_000_000);
    for key in ["", " ", "\r\nflush_all\r\n", "\0", "*", "?", "[a-z]", "\\", "{tag}", "é", &long] {
        cache.set(key, key).await.unwrap();
        assert_eq!(cache.get::<String>(key).await.unwrap().as_deref(), Some(key));
        assert!(cache.delete(key).await.unwrap());
        assert!(!cache.exists(key).await.unwrap());
    }
}

#[tokio::test]
async fn memory_is_bounded_by_entries_and_purged_without_reads() {
    let clock = macadamia::testing::ManualClock::new();
    let memory = Memory::builder().max_entries(100).build();
    let cache =
        macadamia::Cache::builder().route("", memory.clone()).clock(clock.clone()).build().await.unwrap();
    for n in 0..10_000 {
        cache.set(format!("k{n}"), &n).ttl("10s").await.unwrap();
    }
    let count = cache.keys_count().await.unwrap();
    assert!((1..=101).contains(&count), "{count} entries");
    clock.advance(11 * SECOND);
    let deadline = std::time::Instant::now() + 10 * SECOND;
    while !memory.is_empty() {
        assert!(std::time::Instant::now() < deadline, "{} entries were not purged", memory.len());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_broken_backend_is_an_error_of_the_command() {
    let (fixture, faults) = Fixture::remote().await;
    let cache = &fixture.cache;
    faults.fail(Some(Error::backend("connection reset")));
    assert!(cache.set("k", &1).await.is_err());
    assert!(cache.get::<i32>("k").await.is_err());
    assert!(cache.delete_match("*").await.is_err());
    assert_eq!(cache.get_or_set("k", || async { 7 }).await.unwrap(), 7, "it can be computed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_only_ever_replaced_is_never_missed() {
    let cache = Fixture::memory().await.cache;
    cache.set("k", &0u64).ttl("1h").await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4u64 {
        let cache = cache.clone();
        tasks.spawn(async move {
            for round in 0..5_000u64 {
                if task == 0 {
                    cache.set("k", &round).ttl("1h").await.unwrap();
                } else {
                    assert!(cache.get::<u64>("k").await.unwrap().is_some());
                    assert!(cache.exists("k").await.unwrap());
                    assert_ne!(cache.get_expire("k").await.unwrap(), Expiry::Missing);
                    assert!(cache.get_many::<u64, _>(["k"]).await.unwrap()[0].is_some());
                }
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_value_that_was_got_is_ones_own() {
    let cache = Fixture::memory().await.cache;
    let mut given = vec![1];
    cache.set("k", &given).await.unwrap();
    given.push(2);
    let mut got = cache.get::<Vec<i32>>("k").await.unwrap().unwrap();
    got.push(3);
    assert_eq!(cache.get::<Vec<i32>>("k").await.unwrap(), Some(vec![1]));
}
