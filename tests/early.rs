//! `#[early]`: who has the present value, who computes it anew, and what becomes of the two.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::items_after_statements, reason = "a function stands in the test that is about it")]
#![allow(clippy::unchecked_time_subtraction, reason = "a span that is known, less a part of it")]

mod support;

use macadamia::testing::{Faults, drop_after};
use macadamia::{
    Cache, Error, EventKind, Outcome, Scope, Stats, cached, detect, early, invalidate, purge, rate_limit,
    registry,
};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::sync::Semaphore;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// What the functions below talk to: counts runs, fails on demand, and can be held up.
struct Origin {
    runs: AtomicUsize,
    fails: AtomicBool,
    /// One permit a run, if it is held up.
    gate: Semaphore,
    held: AtomicBool,
}

impl Origin {
    const fn new() -> Self {
        Self {
            runs: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            gate: Semaphore::const_new(0),
            held: AtomicBool::new(false),
        }
    }

    async fn ask(&self) -> Result<usize, String> {
        let run = self.runs.fetch_add(1, SeqCst) + 1;
        if self.held.load(SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        tokio::task::yield_now().await;
        if self.fails.load(SeqCst) { Err(format!("run {run}")) } else { Ok(run) }
    }

    fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    /// As new, for the next backend.
    fn reset(&self) {
        self.runs.store(0, SeqCst);
        self.fails.store(false, SeqCst);
        self.held.store(false, SeqCst);
        self.gate.forget_permits(usize::MAX);
    }
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

static PAGE: Origin = Origin::new();

#[early(ttl = "90s", key = "page:<id>:<name>")]
async fn page(id: u64, name: &str) -> Result<usize, String> {
    let _ = (id, name);
    PAGE.ask().await
}

#[tokio::test]
async fn after_a_third_of_the_ttl_a_call_has_the_present_value_and_the_next_ones_the_new_one() {
    for fixture in Fixture::each().await {
        PAGE.reset();
        fixture
            .run(async {
                assert_eq!(page(1, "a").await, Ok(1));
                fixture.clock.advance(secs(30).checked_sub(Duration::from_nanos(1)).unwrap());
                assert_eq!((page(1, "a").await, PAGE.runs()), (Ok(1), 1), "too early");
                fixture.clock.advance(Duration::from_nanos(1));
                assert_eq!(page(1, "a").await, Ok(1), "the caller waited");
                settle().await;
                assert_eq!(PAGE.runs(), 2);
                assert_eq!((page(1, "a").await, PAGE.runs()), (Ok(2), 2));
                // Fresh and alive from when it was computed.
                fixture.clock.advance(secs(29));
                assert_eq!((page(1, "a").await, PAGE.runs()), (Ok(2), 2));
                fixture.clock.advance(secs(61));
                assert_eq!(page(1, "a").await, Ok(3), "it outlived its ttl");
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Stale), 1);
        assert_eq!(fixture.events.count(EventKind::Refreshed), 1);
        assert_eq!(fixture.events.count(EventKind::Computed), 2);
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

static CROWD: Origin = Origin::new();

#[early(ttl = "10m", early_ttl = "7m", key = "crowd")]
async fn crowd() -> Result<usize, String> {
    CROWD.ask().await
}

#[tokio::test]
async fn of_a_hundred_callers_all_have_the_present_value_at_once_and_one_refresh_runs() {
    for (fixture, renews) in Fixture::each().await.into_iter().zip([0, 0, 1]) {
        CROWD.reset();
        CROWD.held.store(true, SeqCst);
        CROWD.gate.add_permits(1);
        fixture
            .run(async {
                assert_eq!(crowd().await, Ok(1));
                fixture.clock.advance(secs(7 * 60));
                let sleepers = fixture.clock.sleepers();
                let scope = Scope::current();
                let calls: Vec<_> = (0..100).map(|_| tokio::spawn(scope.clone().run(crowd()))).collect();
                for call in calls {
                    assert_eq!(call.await.unwrap(), Ok(1));
                }
                settle().await;
                assert_eq!(CROWD.runs(), 2, "more than one refresh began");
                // However long it takes, no second one begins: the lease is renewed, or ends with the value.
                for _ in 0..20 {
                    // The renewal runs on a thread of its own, and sleeps again when it has renewed.
                    until(|| async { fixture.clock.sleepers() >= sleepers + renews }).await;
                    fixture.clock.advance(secs(3));
                    settle().await;
                    assert_eq!(crowd().await, Ok(1));
                }
                settle().await;
                assert_eq!(CROWD.runs(), 2, "a slow refresh had a second one beside it");
                CROWD.gate.add_permits(1);
                settle().await;
                assert_eq!(crowd().await, Ok(2));
            })
            .await;
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

static ROUNDS: Origin = Origin::new();

#[early(ttl = "40s", early_ttl = "25s", key = "rounds")]
async fn rounds() -> Result<usize, String> {
    ROUNDS.ask().await
}

#[tokio::test]
async fn eight_rounds_of_ten_callers_cost_two_to_four_runs() {
    for fixture in Fixture::each().await {
        ROUNDS.reset();
        fixture
            .run(async {
                for _ in 0..8 {
                    let scope = Scope::current();
                    let calls: Vec<_> = (0..10).map(|_| tokio::spawn(scope.clone().run(rounds()))).collect();
                    for call in calls {
                        call.await.unwrap().unwrap();
                    }
                    settle().await;
                    fixture.clock.advance(secs(10));
                }
            })
            .await;
        assert!((2..=4).contains(&ROUNDS.runs()), "{} runs", ROUNDS.runs());
    }
}

static FAILING: Origin = Origin::new();

#[early(ttl = "30m", early_ttl = "1m", key = "failing")]
async fn failing() -> Result<usize, String> {
    FAILING.ask().await
}

#[tokio::test]
async fn a_failed_refresh_keeps_the_value_and_the_next_tries_are_a_second_to_a_minute_apart() {
    for fixture in Fixture::each().await {
        FAILING.reset();
        fixture
            .run(async {
                assert_eq!(failing().await, Ok(1));
                FAILING.fails.store(true, SeqCst);
                fixture.clock.advance(secs(60));
                let mut runs = 1;
                for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
                    assert_eq!(failing().await, Ok(1));
                    settle().await;
                    runs += 1;
                    assert_eq!(FAILING.runs(), runs, "no try after a pause of {} s", pause / 2);
                    fixture.clock.advance(secs(pause).checked_sub(Duration::from_millis(1)).unwrap());
                    for _ in 0..10 {
                        assert_eq!(failing().await, Ok(1));
                        settle().await;
                    }
                    assert_eq!(FAILING.runs(), runs, "a try within the pause of {pause} s");
                    fixture.clock.advance(Duration::from_millis(1));
                }
                FAILING.fails.store(false, SeqCst);
                failing().await.unwrap();
                settle().await;
                assert_eq!(failing().await, Ok(runs + 1));
                // And a later failure begins with a second again.
                FAILING.fails.store(true, SeqCst);
                fixture.clock.advance(secs(60));
                failing().await.unwrap();
                settle().await;
                fixture.clock.advance(secs(1));
                failing().await.unwrap();
                settle().await;
                assert_eq!(FAILING.runs(), runs + 3);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::NotRefreshed), 10);
        assert_eq!(fixture.events.count(EventKind::Computed), 1, "a refresh was told as a call");
    }
}

static PANICKING: Origin = Origin::new();

#[early(ttl = "30m", early_ttl = "1m", key = "panicking")]
async fn panicking() -> usize {
    let run = PANICKING.ask().await.unwrap_or_default();
    assert!(run != 2, "the second run");
    run
}

#[tokio::test]
async fn a_refresh_that_panics_is_a_failed_one() {
    for fixture in Fixture::each().await {
        PANICKING.reset();
        fixture
            .run(async {
                assert_eq!(panicking().await, 1);
                fixture.clock.advance(secs(60));
                for _ in 0..5 {
                    assert_eq!(panicking().await, 1);
                    settle().await;
                }
                assert_eq!(PANICKING.runs(), 2);
                // On a backend of bytes the pause is noted by another thread, and so begins when it does.
                until(|| async {
                    fixture.clock.advance(secs(1));
                    panicking().await == 3
                })
                .await;
                assert_eq!(PANICKING.runs(), 3);
            })
            .await;
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

/// Gives way until it is so; what a destructor leaves behind on a backend of bytes is done on another thread.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let deadline = std::time::Instant::now() + secs(10);
    while !holds().await {
        assert!(std::time::Instant::now() < deadline, "it never came");
        settle().await;
    }
}

static GONE: Origin = Origin::new();

#[early(ttl = "90s", key = "gone")]
async fn gone() -> Result<usize, String> {
    GONE.ask().await
}

#[invalidate(gone)]
async fn change() {}

#[tokio::test]
async fn what_a_refresh_computed_before_an_invalidation_is_not_stored() {
    for fixture in Fixture::each().await {
        GONE.reset();
        fixture
            .run(async {
                assert_eq!(gone().await, Ok(1));
                GONE.held.store(true, SeqCst);
                fixture.clock.advance(secs(30));
                assert_eq!(gone().await, Ok(1));
                settle().await;
                assert_eq!(GONE.runs(), 2);
                change().await;
                assert!(!fixture.cache.exists("gone").await.unwrap());
                GONE.gate.add_permits(1);
                settle().await;
                assert!(!fixture.cache.exists("gone").await.unwrap(), "the old value came back");
                GONE.gate.add_permits(1);
                assert_eq!(gone().await, Ok(3));
            })
            .await;
    }
}

static ABSENT: Origin = Origin::new();

#[early(ttl = "30m", early_ttl = "1m", key = "absent")]
async fn absent() -> Option<usize> {
    let run = ABSENT.ask().await.ok()?;
    (run == 1).then_some(run)
}

#[tokio::test]
async fn an_answer_that_is_not_kept_replaces_nothing_and_is_not_asked_for_at_every_call() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(absent().await, Some(1));
            fixture.clock.advance(secs(60));
            for _ in 0..5 {
                assert_eq!(absent().await, Some(1));
                settle().await;
            }
            assert_eq!(ABSENT.runs(), 2);
        })
        .await;
}

static HERE: Origin = Origin::new();

/// Tests that ask it take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[early(ttl = "90s", key = "here", background = false)]
async fn here(of: &mut Vec<usize>) -> Result<usize, String> {
    let run = HERE.ask().await?;
    of.push(run);
    Ok(run)
}

#[tokio::test]
async fn in_the_foreground_one_caller_has_the_new_value_and_the_others_the_present_one() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        HERE.reset();
        fixture
            .run(async {
                let mut runs = Vec::new();
                assert_eq!(here(&mut runs).await, Ok(1));
                fixture.clock.advance(secs(30));
                let calls = async |_| here(&mut Vec::new()).await.unwrap();
                let (a, b, c) = tokio::join!(calls(1), calls(2), calls(3));
                let mut all = [a, b, c];
                all.sort_unstable();
                assert_eq!(all, [1, 1, 2]);
                assert_eq!(HERE.runs(), 2);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Refreshed), 0, "there is no call beside which it ran");
        assert_eq!(fixture.events.count(EventKind::Stale), 2);
    }
}

#[tokio::test]
async fn in_the_foreground_a_failure_gives_the_present_value() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        HERE.reset();
        fixture
            .run(async {
                assert_eq!(here(&mut Vec::new()).await, Ok(1));
                fixture.clock.advance(secs(30));
                HERE.fails.store(true, SeqCst);
                for _ in 0..3 {
                    let (out, calls) = detect(here(&mut Vec::new())).await;
                    assert_eq!(out, Ok(1));
                    assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Stale, "early"));
                }
                assert_eq!(HERE.runs(), 2, "no pause after the failure");
                fixture.clock.advance(secs(60));
                assert_eq!(here(&mut Vec::new()).await, Err("run 3".to_owned()), "it outlived its ttl");
            })
            .await;
    }
}

#[tokio::test]
async fn without_a_runtime_the_caller_who_finds_it_due_computes_it() {
    static ALONE: AtomicUsize = AtomicUsize::new(0);
    #[early(ttl = "90s", key = "alone")]
    async fn alone() -> usize {
        ALONE.fetch_add(1, SeqCst)
    }
    let fixture = Fixture::memory().await;
    let (cache, clock) = (fixture.cache.clone(), fixture.clock.clone());
    std::thread::spawn(move || {
        let now = |future: std::pin::Pin<Box<dyn Future<Output = usize>>>| {
            let mut future = future;
            match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
                std::task::Poll::Ready(out) => out,
                std::task::Poll::Pending => panic!("it waits for a runtime"),
            }
        };
        let call = || now(Box::pin(Scope::new().cache(&cache).run(alone())));
        assert_eq!([call(), call()], [0, 0]);
        clock.advance(secs(30));
        assert_eq!([call(), call()], [1, 1]);
    })
    .join()
    .unwrap();
}

static CHANCE: Origin = Origin::new();

#[early(ttl = "1h", key = "chance:<id>", beta = 1.0)]
async fn chance(id: usize, clock: macadamia::testing::ManualClock) -> Result<usize, String> {
    let _ = id;
    clock.advance(Duration::from_millis(250));
    CHANCE.ask().await
}

#[tokio::test]
async fn by_chance_a_value_is_computed_anew_the_likelier_the_nearer_its_end() {
    let fixture = Fixture::memory().await;
    let due = async |left: Duration| {
        let mut due = 0;
        for id in 0..400 {
            chance(id, fixture.clock.clone()).await.unwrap();
            let ttl_left =
                fixture.cache.get_expire(format!("chance:{id}")).await.unwrap().remaining().unwrap();
            fixture.clock.advance(ttl_left.checked_sub(left).unwrap());
            let before = fixture.events.count(EventKind::Stale);
            chance(id, fixture.clock.clone()).await.unwrap();
            due += fixture.events.count(EventKind::Stale) - before;
            settle().await;
        }
        due
    };
    fixture
        .run(async {
            // It costs 250 ms: expected are 1.8 %, 37 % and 67 % of 400, more than 4 standard deviations away from the
            // bounds below.
            let (far, near, nearest) = (
                due(secs(1)).await,
                due(Duration::from_millis(250)).await,
                due(Duration::from_millis(100)).await,
            );
            assert!(
                far < 25 && (100..200).contains(&near) && (220..320).contains(&nearest),
                "{far} {near} {nearest}"
            );
        })
        .await;
}

static TOLD: Origin = Origin::new();

#[early(ttl = "90s", key = "told")]
async fn told() -> Result<usize, String> {
    TOLD.ask().await
}

#[tokio::test]
async fn a_stale_answer_is_told_as_such_and_the_refresh_is_no_call() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            told().await.unwrap();
            fixture.clock.advance(secs(45));
            let (out, calls) = detect(async {
                let out = told().await;
                settle().await;
                out
            })
            .await;
            assert_eq!((out, calls.len()), (Ok(1), 1));
            let call = &calls[0];
            assert_eq!((call.outcome, call.strategy, call.key.as_str()), (Outcome::Stale, "early", "told"));
            assert_eq!((call.age, call.ttl_left()), (secs(45), Some(secs(45))));
            told().await.unwrap();
        })
        .await;
    let stats = stats("told");
    assert_eq!((stats.hits, stats.stale, stats.computed, stats.refreshed, stats.calls()), (1, 1, 1, 1, 3));
    assert_eq!(stats.hit_ratio(), Some(2.0 / 3.0));
}

#[tokio::test]
async fn the_refresh_runs_inside_the_scope_of_its_caller() {
    static SEEN: std::sync::Mutex<Vec<Option<String>>> = std::sync::Mutex::new(Vec::new());
    #[early(ttl = "90s", key = "scoped:<@tenant>")]
    async fn scoped() -> usize {
        SEEN.lock().unwrap().push(macadamia::context("tenant"));
        inner().await
    }
    #[cached(ttl = "1s", key = "scoped_inner:<@tenant>")]
    async fn inner() -> usize {
        7
    }
    let fixture = Fixture::memory().await;
    Scope::new()
        .cache(&fixture.cache)
        .key("tenant", "acme")
        .run(async {
            scoped().await;
            fixture.clock.advance(secs(30));
            scoped().await;
            settle().await;
        })
        .await;
    assert_eq!(*SEEN.lock().unwrap(), [Some("acme".to_owned()), Some("acme".to_owned())]);
    assert!(fixture.cache.exists("scoped_inner:acme").await.unwrap());
}

static SHARED: Origin = Origin::new();

#[early(ttl = "90s", key = "shared")]
async fn shared() -> Result<usize, String> {
    SHARED.ask().await
}

/// As two processes over one backend.
async fn two(backend: Arc<dyn macadamia::Backend>, clock: &macadamia::testing::ManualClock) -> [Cache; 2] {
    let build = || Cache::builder().route("", Arc::clone(&backend)).clock(clock.clone()).build();
    [build().await.unwrap(), build().await.unwrap()]
}

#[tokio::test]
async fn of_two_processes_one_refreshes() {
    let clock = macadamia::testing::ManualClock::new();
    let caches = two(Arc::new(macadamia::testing::Wire::new()), &clock).await;
    let [one, other] = caches.each_ref().map(|cache| Scope::new().cache(cache));
    SHARED.held.store(true, SeqCst);
    SHARED.gate.add_permits(1);
    assert_eq!(one.clone().run(shared()).await, Ok(1));
    clock.advance(secs(30));
    for _ in 0..10 {
        assert_eq!(one.clone().run(shared()).await, Ok(1));
        assert_eq!(other.clone().run(shared()).await, Ok(1));
        settle().await;
    }
    assert_eq!(SHARED.runs(), 2);
    // A failure in one is a pause for both.
    SHARED.fails.store(true, SeqCst);
    SHARED.gate.add_permits(1);
    settle().await;
    for _ in 0..10 {
        assert_eq!(other.clone().run(shared()).await, Ok(1));
        settle().await;
    }
    assert_eq!(SHARED.runs(), 2);
}

#[tokio::test]
async fn a_broken_backend_is_no_refresh_and_never_an_error() {
    static ORIGIN: Origin = Origin::new();
    #[early(ttl = "90s", key = "broken")]
    async fn broken() -> Result<usize, String> {
        ORIGIN.ask().await
    }
    let (fixture, faults): (Fixture, Faults) = Fixture::remote().await;
    fixture
        .run(async {
            assert_eq!(broken().await, Ok(1));
            fixture.clock.advance(secs(30));
            faults.fail(Some(Error::backend("down")));
            assert_eq!(broken().await, Ok(2), "the function answers for a backend that does not");
            faults.fail(None);
            assert_eq!(broken().await, Ok(1));
            settle().await;
            assert_eq!(broken().await, Ok(3));
        })
        .await;
}

static LIMITED: Origin = Origin::new();

#[early(ttl = "90s", key = "limited")]
#[rate_limit(limit = 1, period = "1h", key = "limited")]
async fn limited() -> Result<usize, Error> {
    Ok(LIMITED.ask().await.unwrap_or_default())
}

#[tokio::test]
async fn a_guard_below_refuses_refreshes_and_no_calls() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(limited().await.unwrap(), 1);
            fixture.clock.advance(secs(30));
            for _ in 0..5 {
                assert_eq!(limited().await.unwrap(), 1);
                settle().await;
            }
            assert_eq!(LIMITED.runs(), 1);
        })
        .await;
    let stats = stats("limited");
    assert_eq!((stats.stale, stats.computed, stats.rejected, stats.calls()), (5, 1, 0, 6));
    assert_eq!(fixture.events.count(EventKind::Rejected), 1, "a refused refresh is not tried at each call");
}

static DROPPED: Origin = Origin::new();

#[early(ttl = "90s", key = "dropped", background = false)]
async fn dropped_here() -> Result<usize, String> {
    DROPPED.ask().await
}

#[early(ttl = "90s", key = "dropped")]
async fn dropped() -> Result<usize, String> {
    DROPPED.ask().await
}

/// Drops a call at each of its await points, when the value is missing and when it is due.
async fn exhausted<F: Future<Output = Result<usize, String>>>(fixture: &Fixture, call: impl Fn() -> F) {
    for due in [false, true] {
        for polls in 0.. {
            purge!("dropped").await.unwrap();
            if due {
                call().await.unwrap();
                fixture.clock.advance(secs(30));
            }
            let done = drop_after(polls, call()).await;
            settle().await;
            until(|| async { fixture.cache.in_flight() == 0 }).await;
            call().await.unwrap();
            settle().await;
            until(|| async {
                // A lease that was left behind would keep the value from being computed anew.
                fixture.clock.advance(secs(30));
                let before = DROPPED.runs();
                call().await.unwrap();
                settle().await;
                DROPPED.runs() > before
            })
            .await;
            if done.is_some() {
                break;
            }
            assert!(polls < 100, "it never ends");
        }
    }
}

#[tokio::test]
async fn a_call_dropped_at_any_point_leaves_nothing_behind() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                exhausted(&fixture, dropped_here).await;
                exhausted(&fixture, dropped).await;
            })
            .await;
    }
}

#[tokio::test]
async fn a_value_that_was_set_is_fresh_for_as_long_as_one_that_was_computed() {
    static ORIGIN: Origin = Origin::new();
    #[early(ttl = "90s", key = "given:<id>")]
    async fn given(id: u8) -> Result<usize, String> {
        let _ = id;
        ORIGIN.ask().await
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            given::set(1, &77).await.unwrap();
            fixture.clock.advance(secs(29));
            assert_eq!((given(1).await, ORIGIN.runs()), (Ok(77), 0));
            fixture.clock.advance(secs(1));
            assert_eq!(given(1).await, Ok(77));
            settle().await;
            assert_eq!(given(1).await, Ok(1));
            assert_eq!(given::refresh(1).await, Ok(2));
            assert_eq!(given::peek(1).await.unwrap(), Some(2));
        })
        .await;
}
