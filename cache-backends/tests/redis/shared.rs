//! Several who share a server.

use std::time::Duration;

use cache_backends::Redis;
use cache_core::testing::ManualClock;
use cache_core::{Backend, Cache, Entry, Fill, Key, Meta, SetOptions, Stamp, Step, Time, Transition};

use super::{Bench, HOUR, connect, hold, route};

/// A clock whose wall is far from the server's, as that of a test is.
#[tokio::test]
async fn those_whose_walls_differ_agree_on_when_an_entry_ends() {
    let bench = Bench::new().await;
    let (redis, clock) = (connect(bench.db), ManualClock::new());
    let far = Cache::builder().route("", redis).clock(clock.clone()).build().await.unwrap();
    far.ping("").await.unwrap();
    far.set("k", "v").ttl("1h").await.unwrap();
    let left = bench.cache.get_expire("k").await.unwrap().remaining().unwrap();
    assert!(left.abs_diff(HOUR) < Duration::from_secs(30), "{left:?}");
    assert_eq!(bench.cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    clock.advance(HOUR);
    assert_eq!(far.get::<String>("k").await.unwrap(), None, "to those an hour later it has ended");
}

/// Counts, and tells to how much.
struct Count(u64);

impl Transition for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let before = state.and_then(|state| state.try_into().ok()).map_or(0, u64::from_le_bytes);
        self.0 = before + 1;
        Step::Put(self.0.to_le_bytes().to_vec(), now.after(HOUR))
    }
}

#[tokio::test]
async fn what_one_computed_before_another_deleted_it_is_not_stored() {
    let (one, other) = (Bench::new().await, Key::from("k"));
    let two = connect(one.db);
    let fill = |redis: &Redis| {
        let redis = redis.clone();
        async move { redis.begin_fill(&"k".into()).await.unwrap().unwrap() }
    };
    let store = |redis: &Redis, fill: Fill| {
        let redis = redis.clone();
        async move {
            let entry = Entry::new(7_i64, Meta::new(Time::from_nanos(1), Time::NEVER));
            let mut options = SetOptions::default();
            options.fill = Some(fill);
            redis.set(&"k".into(), entry, options).await.unwrap()
        }
    };
    let (a, b) = (fill(&one.redis).await, fill(&two).await);
    assert_eq!(a, b, "the second joins");
    two.delete(&other).await.unwrap();
    assert!(!store(&one.redis, a).await, "it was deleted by the other one meanwhile");
    let c = fill(&one.redis).await;
    assert!(c != a && store(&one.redis, c).await);
    let left = one.say(&["PTTL", "macadamia:fill:{k}"]).integer();
    assert!((1..=600_000).contains(&left), "a right that nobody gives back ends by itself: {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_one_keeps_the_other_out() {
    let bench = Bench::new().await;
    let two = connect(bench.db);
    assert_eq!(hold(&bench.redis, "lock:k", 1).await, 1);
    assert_eq!(hold(&two, "lock:k", 2).await, 1);
    bench.redis.delete(&"lock:k".into()).await.unwrap();
    assert_eq!(hold(&two, "lock:k", 2).await, 2);
    assert_eq!(hold(&bench.redis, "lock:k", 1).await, 2, "what it remembers is not what is there");
    let left = bench.say(&["PTTL", "lock:k"]).integer();
    // Milliseconds are rounded up, and our idea of the server's time is off by some.
    assert!((3_500_000..3_600_100).contains(&left), "a state ends on the server, too: {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_step_of_several_processes_is_lost() {
    const EACH: u64 = 100;
    let bench = Bench::new().await;
    let mut working = Vec::new();
    for _ in 0..3 {
        let redis = connect(bench.db);
        for _ in 0..2 {
            let redis = redis.clone();
            working.push(tokio::spawn(async move {
                for _ in 0..EACH {
                    redis.update(&"limit".into(), &mut Count(0)).await.unwrap();
                }
            }));
        }
    }
    for work in working {
        work.await.unwrap();
    }
    let mut last = Count(0);
    bench.redis.update(&"limit".into(), &mut last).await.unwrap();
    assert_eq!(last.0, 6 * EACH + 1);
}

#[tokio::test]
async fn a_tag_that_one_deletes_ends_what_the_other_has_stored() {
    let bench = Bench::new().await;
    let other = route(connect(bench.db)).await;
    bench.cache.set("k", "v").tags(["red", "blue"]).await.unwrap();
    assert_eq!(other.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    other.delete_tags(["red"]).await.unwrap();
    assert_eq!(bench.cache.get::<String>("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_generation_is_kept_as_long_as_what_carries_it() {
    let bench = Bench::new().await;
    let left = |tag: &str| bench.say(&["PTTL", &format!("macadamia:tag:{tag}")]).integer();
    let hours = |n: i64| n * 3_600_000;
    bench.cache.set("short", "v").ttl("10m").tags(["short"]).await.unwrap();
    assert!((hours(1)..=hours(2)).contains(&left("short")), "{}", left("short"));
    bench.cache.set("long", "v").ttl("5h").tags(["long"]).await.unwrap();
    assert!((hours(5)..hours(6) + 100).contains(&left("long")), "{}", left("long"));
    bench.cache.set("for ever", "v").tags(["ever"]).await.unwrap();
    assert_eq!(left("ever"), -1);
    bench.cache.set("again", "v").ttl("10m").tags(["ever", "long"]).await.unwrap();
    assert!(left("ever") == -1 && left("long") > hours(4), "a shorter life made them shorter");
    // Asked for again shortly before its end it is kept for what is computed now.
    bench.say(&["PEXPIRE", "macadamia:tag:short", "5000"]);
    let stamps: Vec<Stamp> = bench.redis.stamp(&["short".into()]).await.unwrap();
    assert!(stamps[0].nonce() != 0 && left("short") > hours(1));
}
