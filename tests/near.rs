//! Entries of a server that are kept near, decoded, and end when the server tells that they changed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use macadamia::middleware::Timing;
use macadamia::testing::{Listener, ManualClock, Wire, drop_after};
use macadamia::{Cache, Route, Scope, cached, early, hit, soft};
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::settle;

/// One server, a process that keeps its entries near, and another process.
struct Two {
    listener: Listener,
    here: Cache,
    elsewhere: Cache,
    clock: ManualClock,
}

impl Two {
    async fn new() -> Self {
        let (wire, clock) = (Wire::new(), ManualClock::new());
        let listener = wire.listener();
        let cache = |builder: macadamia::CacheBuilder| builder.clock(clock.clone()).build();
        let here = cache(Cache::builder().route("", listener.clone())).await.unwrap();
        let elsewhere = cache(Cache::builder().route("", wire.clone())).await.unwrap();
        Self { listener, here, elsewhere, clock }
    }

    async fn here<F: Future>(&self, body: F) -> F::Output {
        Scope::new().cache(&self.here).run(body).await
    }

    async fn elsewhere<F: Future>(&self, body: F) -> F::Output {
        Scope::new().cache(&self.elsewhere).run(body).await
    }

    /// How many commands go to the server while this is done.
    async fn commands<F: Future>(&self, body: F) -> (F::Output, usize) {
        let before = self.listener.commands();
        let out = self.here(body).await;
        (out, self.listener.commands() - before)
    }

    async fn get(&self) -> Option<String> {
        self.here.get("k").await.unwrap()
    }
}

/// A function that gives its next number each time it runs.
fn next(runs: &AtomicUsize) -> usize {
    runs.fetch_add(1, SeqCst) + 1
}

#[cached(ttl = "1h", key = "plain:<of>")]
async fn plain(of: u8, runs: &AtomicUsize) -> usize {
    next(runs)
}

#[cached(ttl = "1h", none_ttl = "1h", err_ttl = "1h", key = "fallible:<of>")]
async fn fallible(of: u8, runs: &AtomicUsize) -> Result<Option<usize>, String> {
    match (of, next(runs)) {
        (0, _) => Ok(None),
        (1, run) => Err(run.to_string()),
        (_, run) => Ok(Some(run)),
    }
}

#[cached(ttl = "1h", key = "tagged:<of>", tags = ["all", "one:<of>"])]
async fn tagged(of: u8, runs: &AtomicUsize) -> usize {
    next(runs)
}

#[early(ttl = "30s", early_ttl = "10s", key = "refreshed:<of>", background = false)]
async fn refreshed_early(of: u8, runs: &AtomicUsize) -> usize {
    next(runs)
}

#[soft(ttl = "30s", soft_ttl = "10s", key = "softly:<of>")]
async fn refreshed_soft(of: u8, runs: &AtomicUsize) -> Result<usize, String> {
    Ok(next(runs))
}

#[hit(ttl = "1h", cache_hits = 4, key = "counted:<of>")]
async fn counted(of: u8, runs: &AtomicUsize) -> usize {
    next(runs)
}

#[cached(many = ids, ttl = "1h", key = "item:<ids>")]
async fn items(ids: &[u8], asked: &std::sync::Mutex<Vec<Vec<u8>>>) -> HashMap<u8, String> {
    asked.lock().unwrap().push(ids.to_vec());
    ids.iter().map(|id| (*id, format!("item {id}"))).collect()
}

// ── What is answered near ──

#[tokio::test]
async fn what_was_read_once_is_answered_without_a_command() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    two.elsewhere(plain(1, &runs)).await;
    let (read, asked) = two.commands(plain(1, &runs)).await;
    assert_eq!((read, asked > 0), (1, true));
    assert_eq!(two.commands(plain(1, &runs)).await, (1, 0));
    let peeked = async { plain::peek(1).await.unwrap() };
    assert_eq!(two.commands(peeked).await, (Some(1), 0));
    let gotten = async { two.here.get::<usize>("plain:1").await.unwrap() };
    assert_eq!(two.commands(gotten).await, (Some(1), 0));
    let again = async { two.here.get_or_set("plain:1", || async { 7usize }).await.unwrap() };
    assert_eq!(two.commands(again).await, (1, 0));
}

#[tokio::test]
async fn a_computed_answer_is_near_from_its_first_reading_on() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    for of in [0, 1, 2] {
        let first = two.here(fallible(of, &runs)).await;
        settle().await;
        assert_eq!(two.here(fallible(of, &runs)).await, first);
        assert_eq!(two.commands(fallible(of, &runs)).await, (first, 0), "{of}");
    }
    assert_eq!(runs.load(SeqCst), 3);
}

#[tokio::test]
async fn of_several_only_those_are_asked_for_that_are_not_near() {
    let (two, asked) = (Two::new().await, std::sync::Mutex::default());
    two.here(items(&[1, 2], &asked)).await;
    two.here(items(&[1, 2], &asked)).await;
    assert_eq!(two.commands(items(&[2, 1], &asked)).await.1, 0);
    let found = async { two.here.get_many::<String, _>(["item:1", "item:2"]).await.unwrap() };
    assert_eq!(two.commands(found).await, (vec![Some("item 1".to_owned()), Some("item 2".to_owned())], 0));
    two.elsewhere.set("item:3", &"three".to_owned()).await.unwrap();
    let found = async { two.here.get_many::<String, _>(["item:3", "item:9", "item:1"]).await.unwrap() };
    let (found, commands) = two.commands(found).await;
    assert_eq!(found, [Some("three".to_owned()), None, Some("item 1".to_owned())]);
    assert_eq!((commands, asked.into_inner().unwrap()), (1, vec![vec![1, 2]]));
}

#[tokio::test]
async fn an_entry_of_another_type_or_version_is_asked_for_and_takes_the_place() {
    let two = Two::new().await;
    two.elsewhere.set("k", &7u8.to_string()).await.unwrap();
    assert_eq!(two.get().await.as_deref(), Some("7"));
    let bytes = async || two.here.get::<Vec<u8>>("k").await.unwrap();
    assert_eq!(bytes().await, None);
    assert_eq!(two.commands(two.get()).await, (Some("7".to_owned()), 0));
    two.elsewhere.set_raw("k", "\u{1}7").await.unwrap();
    assert_eq!(two.get().await.as_deref(), Some("7"), "bytes that encode a string read as one");
    assert_eq!(bytes().await, Some(b"7".to_vec()));
    assert_eq!(two.commands(bytes()).await, (Some(b"7".to_vec()), 0));
}

#[tokio::test]
async fn what_nobody_has_decoded_and_what_is_not_there_is_not_kept() {
    let two = Two::new().await;
    two.elsewhere.set("k", "v").await.unwrap();
    two.here.get_raw("k").await.unwrap();
    two.here.gets::<String>("k").await.unwrap();
    two.here.exists("k").await.unwrap();
    assert_eq!(two.here.get::<String>("none").await.unwrap(), None);
    assert!(two.listener.is_empty(), "{:?}", two.listener);
}

#[tokio::test]
async fn a_number_that_is_counted_is_near_between_two_counts() {
    let two = Two::new().await;
    let read = async || two.here.get::<u16>("n").await.unwrap();
    for (cache, sum) in [(&two.elsewhere, 1), (&two.here, 2), (&two.elsewhere, 3)] {
        assert_eq!(cache.incr("n").await.unwrap(), i64::from(sum));
        assert_eq!(read().await, Some(sum));
        assert_eq!(two.commands(read()).await, (Some(sum), 0));
    }
    assert_eq!(two.here.incr("n").await.unwrap(), 4);
    let (count, token) = two.here.gets::<u16>("n").await.unwrap().unwrap();
    assert!(two.here.cas("n", &(count + 1), &token).await.unwrap());
    assert_eq!(read().await, Some(5));
}

#[tokio::test]
async fn an_entry_near_ends_with_its_time() {
    let two = Two::new().await;
    two.elsewhere.set("k", "v").ttl("5s").await.unwrap();
    assert!(two.get().await.is_some());
    two.clock.advance(Duration::from_nanos(4_999_999_999));
    assert!(two.commands(two.get()).await == (Some("v".to_owned()), 0));
    two.clock.advance(Duration::from_nanos(1));
    assert_eq!(two.get().await, None);
}

#[tokio::test]
async fn hits_are_counted_by_the_server_whoever_makes_them() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    two.here(counted(1, &runs)).await;
    for _ in 0..2 {
        assert_eq!((two.here(counted(1, &runs)).await, two.elsewhere(counted(1, &runs)).await), (1, 1));
    }
    assert_eq!(two.here(counted(1, &runs)).await, 2, "the fifth hit");
}

#[tokio::test]
async fn a_value_near_that_is_due_is_refreshed_and_anothers_refresh_is_seen() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    for _ in 0..2 {
        assert_eq!(two.here(refreshed_early(1, &runs)).await, 1);
        assert_eq!(two.here(refreshed_soft(1, &runs)).await, Ok(2));
    }
    assert_eq!(two.commands(refreshed_early(1, &runs)).await, (1, 0));
    assert_eq!(two.commands(refreshed_soft(1, &runs)).await, (Ok(2), 0));
    two.clock.advance(Duration::from_secs(11));
    assert_eq!(two.elsewhere(refreshed_early(1, &runs)).await, 3);
    assert_eq!(two.elsewhere(refreshed_soft(1, &runs)).await, Ok(4));
    assert_eq!(two.here(refreshed_early(1, &runs)).await, 3);
    assert_eq!(two.here(refreshed_soft(1, &runs)).await, Ok(4));
    two.clock.advance(Duration::from_secs(11));
    assert_eq!(two.here(refreshed_early(1, &runs)).await, 5);
    assert_eq!(two.here(refreshed_soft(1, &runs)).await, Ok(6));
    assert_eq!(two.elsewhere(refreshed_early(1, &runs)).await, 5);
}

// ── What ends it ──

#[tokio::test]
async fn whatever_another_process_does_to_a_key_is_seen() {
    let two = Two::new().await;
    for (what, left) in [
        ("set", Some("new")),
        ("delete", None),
        ("pattern", None),
        ("clear", None),
        ("many", Some("new")),
        ("cas", Some("new")),
        ("expire", Some("old")),
    ] {
        two.elsewhere.set("k", "old").await.unwrap();
        assert_eq!((two.get().await.as_deref(), two.listener.len()), (Some("old"), 1), "{what}");
        match what {
            "set" => two.elsewhere.set("k", "new").await.map(drop),
            "delete" => two.elsewhere.delete("k").await.map(drop),
            "pattern" => two.elsewhere.delete_match("k*").await.map(drop),
            "clear" => two.elsewhere.clear().await,
            "many" => two.elsewhere.set_many([("k", "new")]).await,
            "cas" => {
                let (_, token) = two.elsewhere.gets::<String>("k").await.unwrap().unwrap();
                two.elsewhere.cas("k", "new", &token).await.map(drop)
            }
            _ => two.elsewhere.expire("k", Duration::from_secs(60)).await.map(drop),
        }
        .unwrap();
        assert!(two.listener.is_empty(), "{what}");
        assert_eq!(two.get().await.as_deref(), left, "{what}");
    }
}

#[tokio::test]
async fn an_own_write_is_seen_at_once_whenever_the_server_tells_of_it() {
    let two = Two::new().await;
    two.listener.hold();
    for round in 0..50 {
        let value = round.to_string();
        two.here.set("k", &value).await.unwrap();
        assert_eq!((two.get().await, two.get().await), (Some(value.clone()), Some(value)));
    }
    two.here.delete("k").await.unwrap();
    assert_eq!(two.get().await, None);
    two.listener.deliver();
}

#[tokio::test]
async fn a_write_that_is_dropped_midway_leaves_nothing_near() {
    let two = Two::new().await;
    two.elsewhere.set("k", "old").await.unwrap();
    two.get().await;
    two.listener.hold();
    two.listener.linger(3);
    assert_eq!(drop_after(2, two.here.set("k", "new").into_future()).await.map(|done| done.is_ok()), None);
    assert_eq!(two.elsewhere.get::<String>("k").await.unwrap().as_deref(), Some("new"), "it took effect");
    assert_eq!(two.get().await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_change_that_arrives_before_the_answer_to_a_read_refuses_what_the_answer_brings() {
    let two = Two::new().await;
    two.listener.linger(3);
    for round in 0..200 {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        two.elsewhere.set("k", &old).await.unwrap();
        let write = async {
            tokio::task::yield_now().await;
            two.elsewhere.set("k", &new).await.unwrap();
        };
        let (read, ()) = tokio::join!(two.get(), write);
        assert_eq!(read, Some(old), "the answer was under way");
        assert_eq!(two.get().await, Some(new));
    }
}

#[tokio::test]
async fn what_is_told_late_is_told_in_its_order() {
    let two = Two::new().await;
    two.elsewhere.set("k", "one").await.unwrap();
    two.get().await;
    two.listener.hold();
    two.elsewhere.set("k", "two").await.unwrap();
    assert_eq!(two.get().await.as_deref(), Some("one"), "nobody has told yet");
    two.elsewhere.set("k", "three").await.unwrap();
    two.listener.deliver();
    assert_eq!(two.get().await.as_deref(), Some("three"));
}

#[tokio::test]
async fn without_a_connection_nothing_is_near_until_there_is_another() {
    let two = Two::new().await;
    two.elsewhere.set("k", "old").await.unwrap();
    two.get().await;
    two.listener.lose();
    two.elsewhere.set("k", "new").await.unwrap();
    for _ in 0..2 {
        assert_eq!(two.commands(two.get()).await, (Some("new".to_owned()), 1));
    }
    two.listener.regain();
    two.elsewhere.set("k", "newer").await.unwrap();
    assert_eq!(two.get().await.as_deref(), Some("newer"));
    assert_eq!(two.commands(two.get()).await.1, 0);
}

#[tokio::test]
async fn an_answer_that_was_under_way_when_the_connection_was_lost_is_not_kept() {
    let two = Two::new().await;
    two.elsewhere.set("k", "old").await.unwrap();
    two.listener.linger(3);
    let change = async {
        tokio::task::yield_now().await;
        two.listener.lose();
        two.elsewhere.set("k", "new").await.unwrap();
        two.listener.regain();
    };
    tokio::join!(two.get(), change);
    assert_eq!(two.get().await.as_deref(), Some("new"));
}

// ── Tags ──

#[tokio::test]
async fn a_tag_deleted_elsewhere_ends_what_is_near() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    for tag in ["all", "one:1"] {
        for _ in 0..2 {
            two.here(tagged(1, &runs)).await;
        }
        let run = runs.load(SeqCst);
        assert_eq!(
            two.commands(tagged(1, &runs)).await,
            (run, 0),
            "a hit of tagged entries asks for no tags"
        );
        two.elsewhere.delete_tags([tag]).await.unwrap();
        assert_eq!(two.here(tagged(1, &runs)).await, run + 1);
    }
}

#[tokio::test]
async fn a_tag_deleted_here_ends_what_is_near_before_anybody_tells() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    two.here(tagged(1, &runs)).await;
    two.here(tagged(1, &runs)).await;
    two.listener.hold();
    two.here.delete_tags(["all"]).await.unwrap();
    assert_eq!(two.here(tagged(1, &runs)).await, 2);
}

#[tokio::test]
async fn a_tag_deleted_while_its_generation_was_being_asked_for_keeps_nothing_near() {
    let (two, runs) = (Two::new().await, AtomicUsize::new(0));
    two.elsewhere(tagged(1, &runs)).await;
    two.listener.linger(4);
    let deletion = async {
        // The entry has arrived, and the generations are on their way.
        for _ in 0..6 {
            tokio::task::yield_now().await;
        }
        two.elsewhere.delete_tags(["all"]).await.unwrap();
    };
    let (read, ()) = tokio::join!(two.here(tagged(1, &runs)), deletion);
    assert_eq!(read, 1, "the answers were under way");
    assert!(two.listener.is_empty());
    assert_eq!(two.here(tagged(1, &runs)).await, 2);
}

// ── Who may see it ──

#[tokio::test]
async fn what_one_secret_has_verified_is_nothing_to_a_route_of_another() {
    let (wire, two) = (Wire::new(), Two::new().await);
    let listener = wire.listener();
    let open = Cache::builder().route("", listener.clone()).build().await.unwrap();
    let signed =
        Cache::builder().route("", Route::to(listener.clone()).secret("s3cret")).build().await.unwrap();
    open.set("k", "planted").await.unwrap();
    assert_eq!(open.get::<String>("k").await.unwrap().as_deref(), Some("planted"));
    assert_eq!(listener.len(), 1);
    assert_eq!(signed.get::<String>("k").await.unwrap(), None);
    assert_eq!(signed.get_many::<String, _>(["k"]).await.unwrap(), [None]);
    drop(two);
}

#[tokio::test]
async fn a_key_prefix_is_part_of_what_is_near() {
    let (wire, listener) = (Wire::new(), Wire::new().listener());
    drop(wire);
    let prefixed = |prefix: &str| Cache::builder().route("", Route::to(listener.clone()).key_prefix(prefix));
    let (a, b) = (prefixed("a:").build().await.unwrap(), prefixed("b:").build().await.unwrap());
    for cache in [&a, &b] {
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    }
    a.set("k", "v").await.unwrap();
    a.get::<String>("k").await.unwrap();
    let before = listener.commands();
    assert_eq!(a.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(a.get_many::<String, _>(["k"]).await.unwrap(), [Some("v".to_owned())]);
    assert_eq!((listener.commands(), b.get::<String>("k").await.unwrap()), (before, None));
}

#[tokio::test]
async fn a_layer_that_must_see_every_read_sees_it() {
    let listener = Wire::new().listener();
    let route = Route::to(listener.clone()).middleware(Timing::new());
    let cache = Cache::builder().route("", route).build().await.unwrap();
    cache.set("k", "v").await.unwrap();
    for _ in 0..3 {
        let before = listener.commands();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
        assert_eq!(listener.commands(), before + 1);
    }
}

// ── Everything at once ──

/// Two processes with entries near, and whatever they do in whatever order: once a command has returned and the server
/// has told, nobody reads anything older.
#[tokio::test]
async fn no_order_of_commands_leaves_anything_stale() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let wire = Wire::new();
    let mut caches = Vec::new();
    for _ in 0..2 {
        let listener = wire.listener();
        caches.push((Cache::builder().route("", listener.clone()).build().await.unwrap(), listener));
    }
    let mut model: HashMap<String, String> = HashMap::new();
    for step in 0..20_000 {
        let (cache, listener) = &caches[random.usize(..2)];
        let key = format!("k{}", random.u8(..4));
        match random.u8(..12) {
            0 => {
                cache.set(&key, &step.to_string()).await.unwrap();
                model.insert(key, step.to_string());
            }
            1 => {
                cache.delete(&key).await.unwrap();
                model.remove(&key);
            }
            2 if random.u8(..20) == 0 => {
                cache.delete_match("k*").await.unwrap();
                model.clear();
            }
            3 if random.u8(..20) == 0 => {
                listener.lose();
                listener.regain();
            }
            4 => {
                let value = cache.get_or_set(&key, || async { step.to_string() }).await.unwrap();
                assert_eq!(&value, model.entry(key).or_insert(step.to_string()), "step {step}, seed {seed}");
            }
            _ => {
                let found = cache.get::<String>(&key).await.unwrap();
                assert_eq!(found.as_ref(), model.get(&key), "step {step}, seed {seed}");
            }
        }
    }
}
