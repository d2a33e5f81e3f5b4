//! What a memory backend promises, verb by verb, through the trait.
#![cfg(feature = "memory")]

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use cache_backends::Memory;
use cache_core::testing::ManualClock;
use cache_core::{
    Backend, Clock, Entry, Error, Fill, Form, Increment, Key, Kind, Meta, Pattern, Peek, Result, SetIf,
    SetOptions, Time,
};

/// A store under a clock that stands still, with words for the tests.
struct Bench {
    memory: Memory,
    clock: ManualClock,
}

impl Bench {
    fn new() -> Self {
        Self::of(Memory::builder().check_interval(Duration::ZERO).build())
    }

    fn of(memory: Memory) -> Self {
        let clock = ManualClock::new();
        memory.attach(&(Arc::new(clock.clone()) as Arc<dyn Clock>));
        Self { memory, clock }
    }

    fn entry<T: Any + Send + Sync>(&self, value: T, seconds: u64) -> Arc<Entry> {
        let now = self.clock.now();
        Entry::new(value, Meta::new(now, if seconds == 0 { Time::NEVER } else { now.after(secs(seconds)) }))
    }

    /// Sets a value that lives `seconds`; 0 is for ever.
    async fn set<T: Any + Send + Sync>(&self, key: &str, value: T, seconds: u64) -> Arc<Entry> {
        let entry = self.entry(value, seconds);
        assert!(self.store(key, &entry, SetOptions::default()).await);
        entry
    }

    async fn store(&self, key: &str, entry: &Arc<Entry>, options: SetOptions) -> bool {
        self.memory.set(&key.into(), Arc::clone(entry), options).await.expect("set")
    }

    async fn get<T: Any + Clone>(&self, key: &str) -> Option<T> {
        let entry = self.memory.get(&key.into()).await.expect("get")?;
        entry.downcast_ref().cloned()
    }

    async fn has(&self, key: &str) -> bool {
        self.memory.get(&key.into()).await.expect("get").is_some()
    }

    async fn delete(&self, key: &str) -> bool {
        self.memory.delete(&key.into()).await.expect("delete")
    }

    async fn incr(&self, key: &str, by: i64, ttl: Option<Duration>) -> Result<i64> {
        self.memory.increment(&key.into(), Increment::new(by, ttl)).await
    }

    async fn scan(&self, pattern: &str) -> Vec<String> {
        let found = self.memory.scan(&Pattern::new(pattern)).await.expect("scan");
        let mut found: Vec<_> = found.iter().map(Key::to_string).collect();
        found.sort();
        found
    }

    async fn begin(&self, key: &str) -> Fill {
        self.memory.begin_fill(&key.into()).await.expect("begin_fill").expect("a right")
    }

    /// Whether a fill may still be stored.
    async fn stands(&self, key: &str, fill: Fill) -> bool {
        self.store(key, &self.entry("filled", 0), filling(fill)).await
    }

    fn is_dead(&self, entry: &Entry) -> bool {
        !entry.is_alive(&self.clock)
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn only_if(only_if: SetIf) -> SetOptions {
    let mut options = SetOptions::default();
    options.only_if = only_if;
    options
}

fn filling(fill: Fill) -> SetOptions {
    let mut options = SetOptions::default();
    options.fill = Some(fill);
    options
}

#[tokio::test]
async fn a_value_comes_back_as_the_very_same() {
    let bench = Bench::new();
    let stored = bench.set("k", vec![1, 2], 0).await;
    assert!(Arc::ptr_eq(&stored, &bench.memory.get(&"k".into()).await.unwrap().unwrap()));
    assert_eq!(bench.memory.form(), Form::Objects);
    let mut shown = None;
    let peek = |key: &str, shown: &mut Option<Vec<i32>>| {
        bench.memory.peek(Key::from(key).as_key(), &mut |entry| *shown = entry.downcast_ref().cloned())
    };
    assert_eq!(peek("other", &mut shown), Peek::Missing);
    assert_eq!((peek("k", &mut shown), shown), (Peek::Found, Some(vec![1, 2])));
}

#[tokio::test]
async fn several_keys_come_in_their_order() {
    let bench = Bench::new();
    bench
        .memory
        .set_many(vec![("a".into(), bench.entry(1, 0)), ("b".into(), bench.entry(2, 0))])
        .await
        .unwrap();
    let keys: Vec<Key> = ["b", "none", "a", "b"].map(Key::from).into();
    let found = bench.memory.get_many(&keys).await.unwrap();
    let values: Vec<Option<i32>> = found.iter().map(|e| e.as_ref()?.downcast_ref().copied()).collect();
    assert_eq!(values, [Some(2), None, Some(1), Some(2)]);
    assert_eq!(bench.memory.delete_many(&keys).await.unwrap(), 2);
    assert!(bench.memory.is_empty());
}

#[tokio::test]
async fn conditions_are_about_living_entries() {
    let bench = Bench::new();
    let value = |n: i32| bench.entry(n, 5);
    assert!(!bench.store("k", &value(0), only_if(SetIf::Present)).await);
    assert!(bench.store("k", &value(1), only_if(SetIf::Absent)).await);
    assert!(!bench.store("k", &value(2), only_if(SetIf::Absent)).await);
    assert_eq!(bench.get("k").await, Some(1));
    assert!(bench.store("k", &value(3), only_if(SetIf::Present)).await);
    assert_eq!(bench.get("k").await, Some(3));
}

#[tokio::test]
async fn an_expired_entry_is_absent_for_every_verb() {
    let bench = Bench::new();
    for key in ["get", "add", "present", "delete", "expire", "many", "incr", "match:1"] {
        bench.set(key, 41i64, 5).await;
    }
    bench.set("match:2", (), 0).await;
    bench.clock.advance(secs(5));
    assert!(!bench.has("get").await);
    assert_eq!(bench.memory.get_many(&["many".into()]).await.unwrap().iter().flatten().count(), 0);
    assert!(!bench.store("present", &bench.entry(0, 0), only_if(SetIf::Present)).await);
    assert!(!bench.delete("delete").await);
    assert!(!bench.memory.expire(&"expire".into(), Time::NEVER).await.unwrap());
    assert_eq!(bench.memory.delete_many(&["many".into()]).await.unwrap(), 0);
    assert_eq!(bench.incr("incr", 1, None).await.unwrap(), 1);
    assert_eq!(bench.scan("match:*").await, ["match:2"]);
    assert_eq!(bench.memory.delete_match(&"match:*".into()).await.unwrap(), 1);
    assert!(bench.store("add", &bench.entry(0, 0), only_if(SetIf::Absent)).await);
}

#[tokio::test]
async fn expire_moves_the_end_both_ways() {
    let bench = Bench::new();
    let key = Key::from("k");
    let held = bench.set("k", 1, 5).await;
    assert!(bench.memory.expire(&key, bench.clock.now().after(secs(60))).await.unwrap());
    bench.clock.advance(secs(10));
    assert_eq!(bench.memory.purge_expired(), 0, "the old end is forgotten");
    assert!(bench.has("k").await && !bench.is_dead(&held));
    assert!(bench.memory.expire(&key, Time::NEVER).await.unwrap());
    bench.clock.advance(secs(1_000_000));
    assert!(bench.has("k").await);
    assert!(bench.memory.expire(&key, bench.clock.now().after(secs(1))).await.unwrap());
    bench.clock.advance(secs(1));
    assert_eq!((bench.has("k").await, bench.memory.purge_expired(), bench.memory.len()), (false, 1, 0));
}

#[tokio::test]
async fn a_counter_begins_at_zero_and_keeps_its_end() {
    let bench = Bench::new();
    assert_eq!(bench.incr("n", 5, None).await.unwrap(), 5);
    assert_eq!(bench.incr("n", -7, Some(secs(10))).await.unwrap(), -2);
    bench.clock.advance(secs(9));
    assert_eq!(bench.incr("n", 1, Some(secs(10))).await.unwrap(), -1);
    bench.clock.advance(secs(1));
    assert!(!bench.has("n").await, "a later step does not prolong it");
    assert_eq!(bench.incr("n", 1, None).await.unwrap(), 1);
    assert_eq!(bench.memory.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_counted_on_stays_untouched() {
    let bench = Bench::new();
    let (text, large) = (bench.set("text", "7", 0).await, bench.set("large", i64::MAX, 0).await);
    assert!(matches!(bench.incr("text", 1, None).await, Err(Error::NotANumber)));
    assert!(matches!(bench.incr("large", 1, None).await, Err(Error::Backend(_))));
    assert!(!bench.is_dead(&text) && !bench.is_dead(&large));
    assert_eq!((bench.get("text").await, bench.get("large").await), (Some("7"), Some(i64::MAX)));
    bench.set("small", 7u8, 0).await;
    assert_eq!((bench.incr("small", 1, None).await.unwrap(), bench.get("small").await), (8, Some(8i64)));
}

#[tokio::test]
async fn a_remembered_absence_is_no_counter() {
    let bench = Bench::new();
    let mut meta = Meta::new(bench.clock.now(), Time::NEVER);
    meta.kind = Kind::Absent;
    assert!(bench.store("n", &Entry::new((), meta), SetOptions::default()).await);
    assert_eq!(bench.incr("n", 3, None).await.unwrap(), 3);
}

#[tokio::test]
async fn patterns_reach_values_and_spare_what_is_reserved() {
    let bench = Bench::new();
    for key in ["user:1", "user:2", "users", "lock:user:1"] {
        bench.set(key, (), 0).await;
    }
    assert_eq!(bench.scan("user:*").await, ["user:1", "user:2"]);
    assert_eq!(bench.scan("user:2").await, ["user:2"]);
    assert_eq!(bench.memory.delete_match(&"user:1".into()).await.unwrap(), 1);
    assert_eq!(bench.memory.delete_match(&"*".into()).await.unwrap(), 2);
    assert_eq!(bench.scan("lock:*").await, ["lock:user:1"]);
    bench.memory.clear().await.unwrap();
    assert!(bench.memory.is_empty(), "clear takes everything");
}

#[tokio::test]
async fn whoever_holds_an_entry_that_left_judges_it_dead() {
    let bench = Bench::of(Memory::builder().max_entries(10).check_interval(Duration::ZERO).build());
    let overwritten = bench.set("a", 1, 0).await;
    let deleted = bench.set("a", 2, 0).await;
    assert!(bench.is_dead(&overwritten) && !bench.is_dead(&deleted));
    bench.delete("a").await;
    let matched = bench.set("b", 1, 0).await;
    bench.memory.delete_match(&"b*".into()).await.unwrap();
    let cleared = bench.set("c", 1, 0).await;
    bench.memory.clear().await.unwrap();
    let counted = bench.set("n", 1, 0).await;
    bench.incr("n", 1, None).await.unwrap();
    for (entry, why) in
        [(deleted, "deleted"), (matched, "matched"), (cleared, "cleared"), (counted, "counted")]
    {
        assert!(bench.is_dead(&entry), "{why}");
    }
    let mut held = Vec::new();
    for i in 0..50 {
        held.push((format!("e{i}"), bench.set(&format!("e{i}"), i, 0).await));
    }
    for (key, entry) in &held {
        assert_eq!(bench.is_dead(entry), !bench.has(key).await, "{key} was evicted");
    }
    assert!(held.iter().filter(|(_, entry)| bench.is_dead(entry)).count() >= 40);
}

#[tokio::test]
async fn storing_the_same_entry_again_does_not_kill_it() {
    let bench = Bench::new();
    let entry = bench.set("k", 1, 0).await;
    assert!(bench.store("k", &entry, SetOptions::default()).await);
    assert!(!bench.is_dead(&entry) && bench.has("k").await);
}

#[tokio::test]
async fn never_more_entries_than_allowed() {
    let bench = Bench::of(Memory::builder().max_entries(500).build());
    for i in 1..=2_000 {
        bench.set(&format!("k{i}"), i, 0).await;
        assert!(bench.memory.len() <= 500, "{} after {i}", bench.memory.len());
    }
    assert_eq!(bench.memory.len(), 500);
    for i in 0..1_000 {
        bench.incr(&format!("n{i}"), 1, None).await.unwrap();
        assert!(bench.memory.len() <= 500, "counters are bounded too");
    }
}

#[tokio::test]
async fn a_large_store_is_within_one_percent_of_its_bound() {
    let bench = Bench::of(Memory::builder().max_entries(5_000).build());
    for i in 0..12_000 {
        bench.set(&format!("k{i}"), i, 0).await;
        assert!(bench.memory.len() <= 5_050);
    }
    assert!(bench.memory.len() >= 4_950);
}

#[tokio::test]
async fn never_more_bytes_than_allowed() {
    for (builder, least) in [
        (Memory::builder().max_bytes(100_000), 25),
        (Memory::builder().max_bytes(100_000).max_entries(30), 25),
        (Memory::builder().max_bytes(100_000).max_entries(10), 10),
    ] {
        let bench = Bench::of(builder.build());
        assert!(bench.memory.weighs());
        for i in 0..300u32 {
            let mut meta = Meta::new(bench.clock.now(), Time::NEVER);
            meta.weight = i * 37 % 6_000;
            assert!(bench.store(&format!("k{i}"), &Entry::new((), meta), SetOptions::default()).await);
            let mut bytes = 0;
            for key in bench.memory.scan(&"*".into()).await.unwrap() {
                let entry = bench.memory.get(&key).await.unwrap().unwrap();
                bytes += u64::from(entry.meta().weight) + key.as_str().len() as u64;
            }
            assert!(bytes + 560 * bench.memory.len() as u64 <= 100_000, "{bytes} bytes after {i}");
        }
        assert!(bench.memory.len() >= least, "{} entries are few", bench.memory.len());
    }
}

#[tokio::test]
async fn an_entry_larger_than_everything_is_not_stored_and_its_predecessor_goes() {
    let bench = Bench::of(Memory::builder().max_bytes(10_000).build());
    bench.set("other", 1, 0).await;
    let old = bench.set("k", 1, 0).await;
    let mut meta = Meta::new(bench.clock.now(), Time::NEVER);
    meta.weight = 10_000;
    assert!(!bench.store("k", &Entry::new((), meta), SetOptions::default()).await);
    assert!(!bench.has("k").await && bench.is_dead(&old) && bench.has("other").await);
}

#[tokio::test]
async fn a_fill_is_stored_while_its_right_stands() {
    let bench = Bench::new();
    let fill = bench.begin("k").await;
    assert_eq!(bench.begin("k").await, fill, "a second computation joins");
    assert!(bench.stands("k", fill).await && bench.stands("k", fill).await);
    bench.memory.end_fill(&"k".into(), fill);
    assert!(bench.stands("k", fill).await, "one still holds it");
    bench.memory.end_fill(&"k".into(), fill);
    assert!(!bench.stands("k", fill).await);
    assert_ne!(bench.begin("k").await, fill);
}

#[tokio::test]
async fn every_removal_and_every_direct_write_drops_the_right_to_fill() {
    let bench = Bench::new();
    let fill = bench.begin("k").await;
    assert!(!bench.delete("k").await);
    assert!(!bench.stands("k", fill).await && !bench.has("k").await, "delete");

    let fill = bench.begin("k").await;
    bench.memory.delete_many(&["k".into()]).await.unwrap();
    assert!(!bench.stands("k", fill).await, "delete_many");

    for pattern in ["k", "k*", "*"] {
        let (fill, other) = (bench.begin("k").await, bench.begin("lock:k").await);
        bench.memory.delete_match(&pattern.into()).await.unwrap();
        assert!(!bench.stands("k", fill).await, "delete_match {pattern}");
        assert!(bench.stands("lock:k", other).await, "{pattern} does not match it");
    }

    let fill = bench.begin("k").await;
    bench.memory.clear().await.unwrap();
    assert!(!bench.stands("k", fill).await, "clear");

    let fill = bench.begin("k").await;
    bench.set("k", "newer", 0).await;
    assert!(!bench.stands("k", fill).await, "set");
    assert_eq!(bench.get("k").await, Some("newer"));

    let fill = bench.begin("n").await;
    bench.incr("n", 1, None).await.unwrap();
    assert!(!bench.stands("n", fill).await, "increment");

    let fill = bench.begin("add").await;
    assert!(bench.store("add", &bench.entry(1, 0), only_if(SetIf::Absent)).await);
    assert!(!bench.stands("add", fill).await, "set if absent");
}

#[tokio::test]
async fn what_stores_nothing_leaves_the_right_to_fill() {
    let bench = Bench::new();
    bench.set("k", 1, 0).await;
    bench.set("text", "x", 0).await;
    let (fill, text) = (bench.begin("k").await, bench.begin("text").await);
    assert!(!bench.store("k", &bench.entry(2, 0), only_if(SetIf::Absent)).await);
    bench.incr("text", 1, None).await.unwrap_err();
    bench.memory.expire(&"k".into(), Time::NEVER).await.unwrap();
    assert!(bench.stands("k", fill).await && bench.stands("text", text).await);
}

#[tokio::test]
async fn eviction_leaves_the_right_to_fill() {
    let bench = Bench::of(Memory::builder().max_entries(1).build());
    bench.set("k", 1, 0).await;
    let fill = bench.begin("k").await;
    for i in 0..20 {
        bench.set(&format!("other{i}"), 1, 0).await;
        bench.memory.peek(Key::from(format!("other{i}")).as_key(), &mut |_| ());
    }
    assert!(bench.stands("k", fill).await);
}

#[tokio::test]
async fn expired_entries_go_although_nobody_reads_them() {
    let bench = Bench::of(Memory::default());
    let held = bench.set("short", 1, 5).await;
    bench.set("long", 1, 500).await;
    bench.set("forever", 1, 0).await;
    for (advance, left) in [(4, 3), (1, 2), (600, 1)] {
        bench.clock.advance(secs(advance));
        settle(|| bench.memory.len() == left).await;
        assert_eq!(bench.memory.len(), left);
    }
    assert!(bench.is_dead(&held));
}

/// Lets the janitor's thread work until it has done what is expected, for five seconds at most.
async fn settle(done: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn without_an_interval_only_a_call_purges() {
    let bench = Bench::new();
    for i in 0..1_000 {
        bench.set(&format!("k{i}"), i, 1 + i % 2).await;
    }
    bench.clock.advance(secs(1));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!((bench.memory.len(), bench.clock.sleepers()), (1_000, 0));
    assert_eq!((bench.memory.purge_expired(), bench.memory.len()), (500, 500));
    assert_eq!(bench.memory.purge_expired(), 0);
}

#[tokio::test]
async fn a_dropped_store_leaves_nothing_asleep() {
    let bench = Bench::of(Memory::default());
    settle(|| bench.clock.sleepers() == 1).await;
    let Bench { memory, clock } = bench;
    drop(memory);
    clock.advance(secs(1));
    settle(|| clock.sleepers() == 0).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn time_is_that_of_the_first_cache() {
    let bench = Bench::new();
    let second = ManualClock::new();
    bench.memory.attach(&(Arc::new(second.clone()) as Arc<dyn Clock>));
    bench.set("k", 1, 5).await;
    second.advance(secs(60));
    assert!(bench.has("k").await);
    bench.clock.advance(secs(5));
    assert!(!bench.has("k").await);
}

#[tokio::test]
async fn clones_are_the_same_store_and_builds_are_not() {
    let memory = Memory::default();
    memory.clone().increment(&"n".into(), Increment::new(1, None)).await.unwrap();
    assert_eq!((memory.len(), Memory::default().len()), (1, 0));
}

#[test]
fn impossible_bounds_are_errors_where_an_error_can_be_told() {
    for builder in [Memory::builder().max_entries(0), Memory::builder().max_bytes(100)] {
        assert!(builder.clone().try_build().unwrap_err().is_config());
        assert!(cache_core::IntoBackend::into_backend(builder.clone().build()).unwrap_err().is_config());
        assert!(cache_core::IntoBackend::into_backend(builder).unwrap_err().is_config());
    }
}

#[tokio::test]
async fn the_smallest_store_keeps_one_entry() {
    let bench = Bench::of(Memory::builder().max_entries(0).build());
    bench.set("k", 1, 0).await;
    assert_eq!((bench.get("k").await, bench.memory.len()), (Some(1), 1));
}

#[tokio::test]
async fn compare_and_set_stores_only_over_the_entry_that_was_read() {
    let bench = Bench::new();
    let swap = async |expected: &Arc<Entry>, value: i32| {
        let entry = bench.entry(value, 0);
        bench.memory.compare_and_set(&"k".into(), expected, entry).await.expect("cas")
    };
    let first = bench.set("k", 1, 0).await;
    assert!(swap(&first, 2).await);
    assert!(!swap(&first, 3).await, "the entry had been replaced");
    assert_eq!(bench.get::<i32>("k").await, Some(2));
    let second = bench.memory.get(&"k".into()).await.expect("get").expect("an entry");
    bench.delete("k").await;
    assert!(!swap(&second, 4).await, "there is nothing to replace");
    let expiring = bench.set("k", 5, 1).await;
    bench.clock.advance(secs(1));
    assert!(!swap(&expiring, 6).await, "an expired entry is absent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_compare_and_sets_none_is_lost() {
    let bench = Arc::new(Bench::new());
    bench.set("k", 0u64, 0).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let bench = Arc::clone(&bench);
        tasks.spawn(async move {
            let key = Key::from("k");
            for _ in 0..500 {
                loop {
                    let current = bench.memory.get(&key).await.expect("get").expect("an entry");
                    let next = bench.entry(current.downcast_ref::<u64>().copied().expect("u64") + 1, 0);
                    if bench.memory.compare_and_set(&key, &current, next).await.expect("cas") {
                        break;
                    }
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(bench.get::<u64>("k").await, Some(4_000));
}

#[test]
fn a_key_that_is_only_ever_replaced_is_never_missed() {
    let bench = Bench::new();
    let (memory, clock) = (&bench.memory, &bench.clock);
    let entry = |value: u64| Entry::new(value, Meta::new(clock.now(), clock.now().after(secs(3600))));
    let key = Key::from("k");
    let set = |value| {
        let stored = memory.set(&key, entry(value), SetOptions::default());
        assert!(matches!(now(stored), Ok(true)));
    };
    set(0);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..50_000).for_each(set));
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..50_000 {
                    let mut seen = false;
                    let peek = memory.peek(key.as_key(), &mut |entry| seen = entry.is_alive(clock) || seen);
                    assert_eq!((peek, seen), (Peek::Found, true), "round {round}");
                }
            });
        }
    });
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(out) => out,
        std::task::Poll::Pending => panic!("memory does not wait"),
    }
}
