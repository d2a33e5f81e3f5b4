//! What holds while a backend fails, asked of the backend that is made steady itself.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::late::late;
use super::{Steady, Terms};
use crate::backend::{Backend, Increment, SetIf, SetOptions, Step, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::entry::{Encoded, Entry, Meta};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind};
use crate::key::Key;
use crate::pattern::Pattern;
use crate::testing::{Faults, ManualClock, Wire};

const LIMIT: Duration = Duration::from_millis(250);

struct Bench {
    steady: Arc<Steady>,
    wire: Wire,
    faults: Faults,
    clock: ManualClock,
    events: Arc<Mutex<Vec<(EventKind, u64)>>>,
}

fn key(text: &str) -> Key {
    Key::from(text)
}

fn down() -> Error {
    Error::unavailable("wire", "connection refused")
}

fn refused() -> Error {
    Error::backend("not permitted")
}

impl Bench {
    fn new() -> Self {
        let (wire, faults, clock) = (Wire::new(), Faults::new(), ManualClock::new());
        let events: Arc<Mutex<Vec<_>>> = Arc::default();
        let seen = Arc::clone(&events);
        let observer = move |event: &Event<'_>| seen.lock().unwrap().push((event.kind, event.untold));
        let terms = Terms {
            route: "".into(),
            limit: LIMIT,
            keys: vec![Pattern::new("*"), Pattern::new("fail:*")],
            observer: Some(Arc::new(observer)),
        };
        let backend: Arc<dyn Backend> = Arc::new(faults.wrap(wire.clone()));
        let steady = Steady::around(&backend, terms).unwrap();
        steady.attach(&(Arc::new(clock.clone()) as Arc<dyn Clock>));
        Self { steady, wire, faults, clock, events }
    }

    fn entry(&self, text: &str) -> Arc<Entry> {
        let bytes = text.as_bytes().to_vec();
        Entry::new(Encoded(bytes.into()), Meta::new(self.clock.now(), Time::NEVER))
    }

    async fn set(&self, text: &str, value: &str) -> Result<bool> {
        self.steady.set(&key(text), self.entry(value), SetOptions::default()).await
    }

    async fn get(&self, text: &str) -> Option<String> {
        let entry = self.steady.get(&key(text)).await.unwrap()?;
        Some(String::from_utf8(entry.encoded().unwrap().to_vec()).unwrap())
    }

    fn told(&self, kind: EventKind) -> usize {
        self.events.lock().unwrap().iter().filter(|(told, _)| *told == kind).count()
    }

    /// Lets time pass until the background has done what is to be done.
    async fn until<F: Future<Output = bool>>(&self, mut holds: impl FnMut() -> F) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds().await {
            assert!(Instant::now() < deadline, "it never came");
            // Not while the background is at work: it would be late by the clock of the test.
            if self.clock.sleepers() > 0 {
                self.clock.advance(Duration::from_millis(50));
            }
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    async fn until_done(&self) {
        self.until(|| async { self.steady.state().kept.is_empty() && !self.steady.status.is_down() }).await;
    }
}

/// Begins a command, and gives up on it.
fn given_up<T>(command: BoxFuture<'_, Result<T>>, give_up: impl FnOnce(BoxFuture<'_, Result<T>>)) {
    let mut command = command;
    assert!(command.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    give_up(command);
}

#[tokio::test]
async fn a_backend_that_is_down_is_left_alone_and_told_once() {
    let bench = Bench::new();
    bench.faults.fail(Some(down()));
    assert!(bench.set("k", "v").await.is_err());
    let before = bench.faults.commands();
    for _ in 0..1_000 {
        let error = bench.steady.get(&key("k")).await.unwrap_err();
        assert_eq!(error.to_string(), "the wire backend cannot be reached: connection refused");
    }
    assert_eq!(bench.faults.commands(), before, "it was asked");
    assert_eq!(bench.told(EventKind::BackendDown), 1);
    assert_eq!((bench.steady.tells_failure(), bench.steady.tells_failure()), (Some(0), None));
}

#[tokio::test]
async fn what_a_backend_refuses_is_its_answer() {
    let bench = Bench::new();
    bench.faults.fail(Some(refused()));
    for _ in 0..10 {
        assert!(matches!(bench.steady.get(&key("k")).await, Err(Error::Backend(_))));
    }
    assert_eq!(bench.told(EventKind::BackendDown), 0);
    assert_eq!(bench.faults.commands(), 10);
}

#[tokio::test]
async fn commands_that_are_too_late_speak_against_a_backend_and_callers_who_leave_do_not() {
    let bench = Bench::new();
    let k = key("k");
    bench.faults.hang(true);
    for _ in 0..10 {
        given_up(bench.steady.get(&k), |command| drop(command));
    }
    bench.clock.advance(LIMIT);
    for _ in 0..10 {
        given_up(bench.steady.get(&k), |command| drop(command));
    }
    assert!(!bench.steady.status.is_down());
    let began = bench.clock.now();
    for _ in 0..3 {
        assert!(!bench.steady.status.is_down());
        let mut command = bench.steady.get(&k);
        assert!(command.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        bench.clock.advance(LIMIT);
        late(command);
    }
    assert!(bench.steady.status.is_down(), "after {:?}", bench.clock.now().since(began));
}

#[tokio::test]
async fn a_backend_that_is_back_is_used_again_within_a_second() {
    let bench = Bench::new();
    bench.set("k", "v").await.unwrap();
    bench.faults.fail(Some(down()));
    assert!(bench.steady.get(&key("k")).await.is_err());
    bench.faults.fail(None);
    let began = bench.clock.now();
    bench.until(|| async { bench.steady.get(&key("k")).await.is_ok() }).await;
    assert!(bench.clock.now().since(began) <= Duration::from_secs(1));
    assert_eq!(bench.get("k").await.as_deref(), Some("v"));
    assert_eq!((bench.told(EventKind::BackendDown), bench.told(EventKind::BackendUp)), (1, 1));
}

#[tokio::test]
async fn a_backend_that_stays_down_is_asked_once_per_pause() {
    let bench = Bench::new();
    bench.faults.fail(Some(down()));
    assert!(bench.steady.get(&key("k")).await.is_err());
    for _ in 0..400 {
        bench.clock.advance(Duration::from_millis(10));
        for _ in 0..10 {
            assert!(bench.steady.get(&key("k")).await.is_err());
        }
        tokio::task::yield_now().await;
    }
    // Four seconds, in pauses of up to half a one, each anywhere from nothing on.
    assert!(bench.faults.commands() <= 120, "{} probes", bench.faults.commands());
    assert_eq!(bench.told(EventKind::BackendDown), 1);
}

#[tokio::test]
async fn nobody_asks_for_a_backend_that_nobody_wants() {
    let bench = Bench::new();
    bench.faults.fail(Some(down()));
    assert!(bench.steady.get(&key("k")).await.is_err());
    bench.until(|| async { !bench.steady.state().tender.is_there() }).await;
    assert_eq!(bench.faults.commands(), 1, "it was asked though nobody called");
    bench.faults.fail(None);
    bench.until(|| async { bench.steady.get(&key("k")).await.is_ok() }).await;
}

#[tokio::test]
async fn a_removal_that_was_refused_hides_the_key_until_it_is_done() {
    let bench = Bench::new();
    for text in ["k", "other"] {
        bench.set(text, "old").await.unwrap();
    }
    let (k, before) = (key("k"), bench.steady.get(&key("k")).await.unwrap().unwrap());
    let fill = bench.steady.begin_fill(&k).await.unwrap();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&k).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    assert!(bench.wire.stored("k").is_some(), "the server has it still");

    assert_eq!((bench.get("k").await, bench.get("other").await.as_deref()), (None, Some("old")));
    let keys = [k.clone(), key("other")];
    let many = bench.steady.get_many(&keys).await.unwrap();
    assert!(many[0].is_none() && many[1].is_some());
    assert_eq!(bench.steady.scan(&Pattern::new("*")).await.unwrap(), [key("other")]);
    assert_eq!(bench.steady.size_of(&k).await.unwrap(), None);
    assert!(!bench.steady.expire(&k, Time::NEVER).await.unwrap());
    assert!(!bench.steady.compare_and_set(&k, &before, bench.entry("new")).await.unwrap());
    assert!(!bench.steady.reseal(&k, &before, bench.entry("new")).await.unwrap());
    let present = SetOptions { only_if: SetIf::Present, ..SetOptions::default() };
    assert!(!bench.steady.set(&k, bench.entry("new"), present).await.unwrap());
    let filled = SetOptions { fill, ..SetOptions::default() };
    assert!(!bench.steady.set(&k, bench.entry("new"), filled).await.unwrap(), "a right from before");
    assert_eq!(bench.get("k").await, None);

    bench.faults.fail_verb("delete", None);
    bench.until_done().await;
    assert!(bench.wire.stored("k").is_none() && bench.wire.stored("other").is_some());
    assert_eq!((bench.told(EventKind::InvalidationKept), bench.told(EventKind::InvalidationsDone)), (1, 1));
    assert_eq!(bench.told(EventKind::BackendDown), 0);
}

#[tokio::test]
async fn nothing_begins_that_a_kept_removal_would_undo() {
    let bench = Bench::new();
    let k = key("k");
    for verb in ["delete", "delete_match"] {
        bench.faults.fail_verb(verb, Some(refused()));
    }
    assert!(bench.steady.delete(&k).await.is_err());
    assert!(bench.steady.delete_match(&Pattern::new("p:*")).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    let is_refused = |outcome: Result<()>| outcome.unwrap_err().to_string().contains("has still to reach it");
    let absent = SetOptions { only_if: SetIf::Absent, ..SetOptions::default() };
    let number = Increment::new(1, None);
    for k in [k, key("p:1")] {
        assert!(is_refused(bench.steady.begin_fill(&k).await.map(drop)));
        assert!(is_refused(bench.steady.set(&k, bench.entry("new"), absent).await.map(drop)));
        assert!(is_refused(bench.steady.increment(&k, number).await.map(drop)));
        assert!(is_refused(bench.steady.update(&k, &mut Taking).await));
    }
    assert!(is_refused(bench.set("p:1", "new").await.map(drop)), "it would go with the others");
    assert!(bench.set("q", "new").await.unwrap());
    for verb in ["delete", "delete_match"] {
        bench.faults.fail_verb(verb, None);
    }
    bench.until_done().await;
    assert!(bench.steady.begin_fill(&key("k")).await.unwrap().is_some());
    assert!(bench.set("p:1", "new").await.unwrap());
}

struct Taking;

impl Transition for Taking {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn step(&mut self, _: Option<&[u8]>, now: Time) -> Step {
        Step::Put(b"taken".to_vec(), now.after(LIMIT))
    }
}

#[tokio::test]
async fn a_plain_store_takes_the_place_of_the_removal_of_its_key() {
    let bench = Bench::new();
    bench.set("k", "old").await.unwrap();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&key("k")).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    bench.faults.fail_verb("set", Some(refused()));
    assert!(bench.set("k", "lost").await.is_err());
    assert_eq!(bench.get("k").await, None, "a store that failed takes the place of nothing");
    bench.faults.fail_verb("set", None);
    assert!(bench.set("k", "new").await.unwrap());
    bench.faults.fail_verb("delete", None);
    bench.until_done().await;
    assert_eq!(bench.get("k").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn patterns_tags_and_everything_are_kept_too() {
    let bench = Bench::new();
    let (t, k) = (key("t"), key("k"));
    let stamps = bench.steady.stamp(std::slice::from_ref(&t)).await.unwrap();
    bench.steady.set(&k, bench.entry("tagged").stamped(stamps.clone()), SetOptions::default()).await.unwrap();
    bench.set("p:1", "old").await.unwrap();
    for verb in ["delete_match", "delete_tags", "clear"] {
        bench.faults.fail_verb(verb, Some(refused()));
    }
    assert!(bench.steady.delete_tags(std::slice::from_ref(&t)).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    let generations = async || bench.steady.generations(std::slice::from_ref(&t)).await.unwrap();
    assert_eq!(generations().await, [None], "an entry that carries it is valid");
    assert!(bench.steady.stamp(std::slice::from_ref(&t)).await.is_err());
    let tagged = bench.entry("tagged").stamped(stamps);
    assert!(!bench.steady.compare_and_set(&k, &tagged, bench.entry("new")).await.unwrap());
    assert!(bench.steady.delete_match(&Pattern::new("p:*")).await.is_err());
    assert_eq!(bench.get("p:1").await, None);
    assert!(bench.steady.clear().await.is_err());
    assert_eq!(bench.get("k").await, None);
    for verb in ["delete_match", "delete_tags", "clear"] {
        bench.faults.fail_verb(verb, None);
    }
    bench.until_done().await;
    assert!(bench.wire.is_empty());
    assert_eq!(generations().await, [None]);
}

#[tokio::test]
async fn a_removal_whose_caller_left_is_done_all_the_same() {
    let bench = Bench::new();
    bench.set("k", "old").await.unwrap();
    bench.faults.hang(true);
    let k = key("k");
    given_up(bench.steady.delete(&k), |command| drop(command));
    assert_eq!(bench.get("k").await, None, "nobody knows whether it was done");
    bench.faults.hang(false);
    bench.until_done().await;
    assert!(bench.wire.stored("k").is_none());
    drop(bench.steady.delete(&key("other")));
    assert!(bench.steady.state().kept.is_empty(), "what never began is nothing to keep");
}

#[tokio::test]
async fn what_is_kept_is_done_before_the_backend_is_used_again() {
    let bench = Bench::new();
    for number in 0..1_000 {
        bench.set(&format!("k:{number}"), "old").await.unwrap();
    }
    bench.faults.fail(Some(down()));
    let keys: Vec<Key> = (0..1_000).map(|number| key(&format!("k:{number}"))).collect();
    assert!(bench.steady.delete_many(&keys).await.is_err());
    bench.faults.fail(None);
    bench.until(|| async { bench.steady.ping("hi").await.is_ok() }).await;
    assert!(bench.wire.is_empty(), "{} are there", bench.wire.len());
    assert!(bench.faults.commands() < 1_100, "one by one: {} commands", bench.faults.commands());
}

#[tokio::test]
async fn one_key_that_cannot_be_removed_is_in_nobodys_way() {
    let bench = Bench::new();
    bench.set("a", "old").await.unwrap();
    bench.set("b", "old").await.unwrap();
    bench.faults.fail_verb("delete_many", Some(refused()));
    assert!(bench.steady.delete_many(&[key("a"), key("b")]).await.is_err());
    bench.until_done().await;
    assert!(bench.wire.is_empty());
}

#[tokio::test]
async fn a_lock_is_not_freed_late() {
    let bench = Bench::new();
    let lock = key("lock:k");
    bench.steady.update(&lock, &mut Taking).await.unwrap();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&lock).await.is_err());
    assert!(bench.steady.state().kept.is_empty());
    bench.steady.update(&lock, &mut Taking).await.unwrap();
    assert!(bench.wire.state("lock:k").is_some());
}

#[tokio::test]
async fn closing_does_what_was_kept_if_that_is_possible() {
    let bench = Bench::new();
    bench.set("k", "old").await.unwrap();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&key("k")).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    bench.faults.fail_verb("delete", None);
    bench.steady.close().await.unwrap();
    assert!(bench.wire.is_empty());
    bench.faults.fail(Some(down()));
    assert!(bench.steady.get(&key("k")).await.is_err());
    bench.faults.fail(None);
    bench.steady.close().await.unwrap();
}

/// Ends the thread's task while it asks.
struct Panics(Wire, AtomicUsize);

impl Backend for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async { Err(Error::unavailable("panics", "gone")) })
    }
    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        self.0.set(key, entry, options)
    }
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.0.delete(key)
    }
    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.0.clear()
    }
    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            assert!(self.1.fetch_add(1, Ordering::SeqCst) > 1, "a test of what a panic leaves behind");
            Ok(message.to_owned())
        })
    }
}

#[tokio::test]
async fn a_backend_that_panics_in_the_background_is_asked_again() {
    let backend: Arc<dyn Backend> = Arc::new(Panics(Wire::new(), AtomicUsize::new(0)));
    let terms = Terms { route: "".into(), limit: LIMIT, keys: Vec::new(), observer: None };
    let (steady, clock) = (Steady::around(&backend, terms).unwrap(), ManualClock::new());
    steady.attach(&(Arc::new(clock.clone()) as Arc<dyn Clock>));
    assert!(steady.get(&key("k")).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(20);
    while steady.delete(&key("k")).await.is_err() {
        assert!(Instant::now() < deadline, "it stays down");
        clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_task_on_a_runtime_that_stands_still_keeps_nobody_waiting() {
    let here = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (bench, asleep, awake) = (Bench::new(), here(), here());
    asleep.block_on(async {
        bench.set("k", "old").await.unwrap();
        bench.faults.fail(Some(down()));
        assert!(bench.steady.delete(&key("k")).await.is_err());
    });
    assert!(bench.steady.state().tender.is_there());
    bench.faults.fail(None);
    awake.block_on(bench.until(|| async {
        bench.clock.advance(Duration::from_millis(50));
        bench.steady.ping("hi").await.is_ok()
    }));
    assert!(bench.wire.is_empty(), "what was kept was not done");
    drop(asleep);
}

#[tokio::test]
async fn while_a_store_is_to_take_its_place_a_removal_waits_and_spins_not() {
    let bench = Bench::new();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&key("k")).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    bench.faults.hang(true);
    let k = key("k");
    let mut storing = bench.steady.set(&k, bench.entry("new"), SetOptions::default());
    assert!(storing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    bench.faults.hang(false);
    bench.faults.fail_verb("delete", None);
    let before = bench.faults.commands();
    for _ in 0..100 {
        bench.clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.faults.commands(), before, "what is being stored was removed");
    drop(storing);
    bench.until_done().await;
}

/// Begins a command, lets its time pass, and what else is to happen.
async fn late_after(
    bench: &Bench,
    command: BoxFuture<'_, Result<impl Sized>>,
    meanwhile: impl AsyncFnOnce(),
) {
    let mut command = command;
    assert!(command.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    bench.clock.advance(LIMIT);
    bench.faults.hang(false);
    meanwhile().await;
    bench.faults.hang(true);
    late(command);
}

#[tokio::test]
async fn who_is_late_while_others_are_answered_has_waited_for_his_turn() {
    let bench = Bench::new();
    let k = key("k");
    bench.faults.hang(true);
    for _ in 0..10 {
        late_after(&bench, bench.steady.get(&k), async || drop(bench.set("other", "v").await)).await;
    }
    // A refusal is an answer too.
    bench.faults.fail_verb("delete", Some(refused()));
    for _ in 0..10 {
        late_after(&bench, bench.steady.get(&k), async || drop(bench.steady.delete(&key("lock:k")).await))
            .await;
    }
    assert!(!bench.steady.status.is_down() && !bench.steady.state().breaker.is_silent());
    for _ in 0..3 {
        late_after(&bench, bench.steady.get(&k), async || ()).await;
    }
    assert!(bench.steady.status.is_down(), "it fell silent");
}

#[tokio::test]
async fn what_goes_through_all_there_is_may_take_long() {
    let bench = Bench::new();
    let pattern = Pattern::new("none:*");
    bench.faults.hang(true);
    for _ in 0..10 {
        late_after(&bench, bench.steady.scan(&pattern), async || ()).await;
        late_after(&bench, bench.steady.delete_match(&pattern), async || ()).await;
    }
    assert!(!bench.steady.status.is_down());
}

/// A walk that was refused once, and now does not end.
async fn endless_walk(bench: &Bench) {
    bench.faults.fail_verb("delete_match", Some(refused()));
    assert!(bench.steady.delete_match(&Pattern::new("p:*")).await.is_err());
    bench.until(|| async { !bench.steady.state().is_trying }).await;
    bench.faults.fail_verb("delete_match", None);
    bench.faults.hang(true);
    bench.until(|| async { bench.steady.state().walking.is_some() }).await;
    bench.faults.hang(false);
    bench.clock.advance(Duration::from_millis(50));
}

#[tokio::test]
async fn who_is_in_the_way_of_a_long_walk_is_refused_at_once() {
    let bench = Bench::new();
    endless_walk(&bench).await;
    for _ in 0..10 {
        let k = key("p:1");
        let mut fill = bench.steady.begin_fill(&k);
        let outcome = fill.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(outcome, std::task::Poll::Ready(Err(_))), "it waits");
        assert_eq!(bench.get("p:1").await, None);
    }
}

#[tokio::test]
async fn while_a_walk_goes_on_keys_are_removed_and_no_other_task_begins() {
    let bench = Bench::new();
    bench.set("k", "old").await.unwrap();
    endless_walk(&bench).await;
    let number = bench.steady.state().tender.number();
    bench.faults.fail_verb("delete", Some(refused()));
    assert!(bench.steady.delete(&key("k")).await.is_err());
    bench.faults.fail_verb("delete", None);
    bench.until(|| async { bench.wire.stored("k").is_none() }).await;
    for _ in 0..20 {
        bench.clock.advance(Duration::from_millis(500));
        turns().await;
        assert!(bench.steady.begin_fill(&key("p:1")).await.is_err());
    }
    assert_eq!(bench.steady.state().tender.number(), number);
    assert!(bench.steady.state().walking.is_some() && !bench.steady.status.is_down());
}

#[tokio::test]
async fn a_walk_that_was_not_through_in_its_time_has_longer_the_next_time() {
    let bench = Bench::new();
    endless_walk(&bench).await;
    bench.faults.hang(true);
    let began = bench.clock.now();
    bench.until(|| async { bench.steady.state().long_walks == 1 }).await;
    let first = bench.clock.now().since(began);
    let again = bench.clock.now();
    bench.until(|| async { bench.steady.state().long_walks == 2 }).await;
    assert!(bench.clock.now().since(again) > first + first / 2);
    assert!(!bench.steady.status.is_down());
    bench.faults.hang(false);
    bench.until_done().await;
    assert_eq!(bench.steady.state().long_walks, 0);
}

#[tokio::test]
async fn a_walk_does_not_keep_a_backend_that_is_down_from_being_asked_again() {
    let bench = Bench::new();
    endless_walk(&bench).await;
    bench.faults.fail(Some(down()));
    assert!(bench.steady.get(&key("k")).await.is_err());
    bench.faults.fail(None);
    let began = bench.clock.now();
    bench.until(|| async { bench.steady.get(&key("k")).await.is_ok() }).await;
    assert!(bench.clock.now().since(began) <= Duration::from_secs(2));
    bench.until_done().await;
}

#[tokio::test]
async fn what_nobody_may_remove_is_told_and_no_longer_kept() {
    let bench = Bench::new();
    let t = key("t");
    bench.faults.fail_verb("delete_tags", Some(down()));
    assert!(bench.steady.delete_tags(std::slice::from_ref(&t)).await.is_err());
    bench.faults.fail_verb("delete_tags", Some(Error::unsupported("wire", "delete_tags")));
    bench.until_done().await;
    assert_eq!(bench.told(EventKind::NotInvalidated), 1);
    assert!(bench.steady.stamp(std::slice::from_ref(&t)).await.is_ok());
}

/// Gives way until whoever can go on has.
async fn turns() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}
