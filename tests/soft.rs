//! `#[soft]`: computed anew in the foreground, and the present value where that fails.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::items_after_statements, reason = "a function stands in the test that is about it")]
#![allow(clippy::unchecked_time_subtraction, reason = "a span that is known, less a part of it")]

mod support;

use macadamia::testing::{ManualClock, Wire, drop_after};
use macadamia::{Cache, EventKind, Outcome, Scope, cached, detect, purge, registry, soft};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::sync::Semaphore;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum AppError {
    Down(usize),
    NotFound,
}

/// Answers with the number of the run, or fails.
struct Origin {
    runs: AtomicUsize,
    down: AtomicBool,
    missing: AtomicBool,
}

impl Origin {
    const fn new() -> Self {
        Self { runs: AtomicUsize::new(0), down: AtomicBool::new(false), missing: AtomicBool::new(false) }
    }

    async fn ask(&self) -> Result<usize, AppError> {
        let run = self.runs.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        match (self.down.load(SeqCst), self.missing.load(SeqCst)) {
            (true, _) => Err(AppError::Down(run)),
            (_, true) => Err(AppError::NotFound),
            _ => Ok(run),
        }
    }

    fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    fn reset(&self) {
        self.runs.store(0, SeqCst);
        self.down.store(false, SeqCst);
        self.missing.store(false, SeqCst);
    }
}

static PRICE: Origin = Origin::new();

/// Tests that ask it take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[soft(ttl = "10m", soft_ttl = "1m", key = "price:<id>")]
async fn price(id: u64) -> Result<usize, AppError> {
    let _ = id;
    PRICE.ask().await
}

#[tokio::test]
async fn after_soft_ttl_the_caller_has_the_new_value() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        PRICE.reset();
        fixture
            .run(async {
                assert_eq!(price(1).await, Ok(1));
                fixture.clock.advance(secs(60).checked_sub(Duration::from_nanos(1)).unwrap());
                assert_eq!(price(1).await, Ok(1));
                fixture.clock.advance(Duration::from_nanos(1));
                assert_eq!(price(1).await, Ok(2));
                assert_eq!(price(1).await, Ok(2));
                assert_eq!(PRICE.runs(), 2);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Computed), 2);
        assert_eq!(fixture.events.count(EventKind::Stale), 0);
    }
}

#[tokio::test]
async fn a_failure_gives_the_present_value_and_the_origin_is_spared_for_longer_and_longer() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        PRICE.reset();
        fixture
            .run(async {
                price(1).await.unwrap();
                fixture.clock.advance(secs(60));
                PRICE.down.store(true, SeqCst);
                let mut runs = 1;
                for pause in [1, 2, 4, 8, 16, 32, 60] {
                    runs += 1;
                    for _ in 0..20 {
                        assert_eq!(price(1).await, Ok(1));
                    }
                    assert_eq!(PRICE.runs(), runs, "before a pause of {pause} s");
                    fixture.clock.advance(secs(pause).checked_sub(Duration::from_nanos(1)).unwrap());
                    assert_eq!((price(1).await, PRICE.runs()), (Ok(1), runs));
                    fixture.clock.advance(Duration::from_nanos(1));
                }
                // Up again: the very next try has it.
                PRICE.down.store(false, SeqCst);
                assert_eq!(price(1).await, Ok(runs + 1));
                fixture.clock.advance(secs(60));
                PRICE.down.store(true, SeqCst);
                assert_eq!(price(1).await, Ok(runs + 1));
                // The present value has ten minutes, whatever happens.
                fixture.clock.advance(secs(9 * 60));
                assert_eq!(price(1).await, Err(AppError::Down(runs + 3)));
            })
            .await;
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

#[tokio::test]
async fn without_a_value_the_error_is_the_answer() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        PRICE.reset();
        PRICE.down.store(true, SeqCst);
        fixture
            .run(async {
                assert_eq!(price(1).await, Err(AppError::Down(1)));
                assert_eq!(price(1).await, Err(AppError::Down(2)), "a pause without a value to give");
            })
            .await;
    }
}

#[tokio::test]
async fn many_callers_share_one_run_and_its_failure() {
    let _turn = TURN.lock().await;
    for fixture in Fixture::each().await {
        for down in [false, true] {
            PRICE.reset();
            fixture
                .run(async {
                    fixture.cache.delete_match("price:*").await.unwrap();
                    price(1).await.unwrap();
                    fixture.clock.advance(secs(60));
                    PRICE.down.store(down, SeqCst);
                    let scope = Scope::current();
                    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(scope.clone().run(price(1)))).collect();
                    for call in calls {
                        assert_eq!(call.await.unwrap(), Ok(if down { 1 } else { 2 }));
                    }
                    assert_eq!(PRICE.runs(), 2);
                })
                .await;
        }
    }
}

static PICKY: Origin = Origin::new();

#[soft(ttl = "10m", soft_ttl = "1m", key = "picky", errors = AppError::Down(_))]
async fn picky() -> Result<usize, AppError> {
    PICKY.ask().await
}

#[tokio::test]
async fn an_error_outside_the_pattern_is_the_answer_and_no_reason_to_pause() {
    for fixture in Fixture::each().await {
        PICKY.reset();
        fixture
            .run(async {
                picky().await.unwrap();
                fixture.clock.advance(secs(60));
                PICKY.missing.store(true, SeqCst);
                assert_eq!(picky().await, Err(AppError::NotFound));
                // On a backend of bytes the right to compute comes back from another thread.
                while picky().await != Err(AppError::NotFound) {
                    tokio::task::yield_now().await;
                }
                assert_eq!(PICKY.runs(), 3);
                PICKY.missing.store(false, SeqCst);
                PICKY.down.store(true, SeqCst);
                while PICKY.runs() < 4 {
                    assert_eq!(picky().await, Ok(1));
                }
                assert_eq!((picky().await, PICKY.runs()), (Ok(1), 4));
            })
            .await;
    }
}

#[tokio::test]
async fn a_fallback_is_told_as_stale_and_counted_once() {
    #[soft(ttl = "10m", soft_ttl = "1m", key = "told")]
    async fn told(origin: &Origin) -> Result<usize, AppError> {
        origin.ask().await
    }
    let (fixture, origin) = (Fixture::memory().await, Origin::new());
    fixture
        .run(async {
            told(&origin).await.unwrap();
            fixture.clock.advance(secs(61));
            origin.down.store(true, SeqCst);
            for _ in 0..2 {
                let (out, calls) = detect(told(&origin)).await;
                assert_eq!((out, calls.len()), (Ok(1), 1));
                assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Stale, "soft"));
                assert_eq!((calls[0].age, calls[0].ttl_left()), (secs(61), Some(secs(539))));
            }
        })
        .await;
    let stats = registry().find(|function| function.name == "told").unwrap().stats();
    assert_eq!((stats.computed, stats.stale, stats.refreshed, stats.calls()), (1, 2, 1, 3));
    assert_eq!(fixture.events.count(EventKind::NotRefreshed), 1);
}

static INNER: Origin = Origin::new();

#[soft(ttl = "10m", soft_ttl = "1m", key = "inner")]
async fn inner() -> Result<usize, AppError> {
    INNER.ask().await
}

static OUTER_RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "outer")]
async fn outer() -> Result<usize, AppError> {
    OUTER_RUNS.fetch_add(1, SeqCst);
    inner().await
}

#[tokio::test]
async fn an_outer_cache_does_not_keep_what_was_made_of_a_fallback() {
    for fixture in Fixture::each().await {
        INNER.reset();
        OUTER_RUNS.store(0, SeqCst);
        fixture
            .run(async {
                inner().await.unwrap();
                fixture.clock.advance(secs(60));
                INNER.down.store(true, SeqCst);
                for run in 1..=3 {
                    assert_eq!((outer().await, OUTER_RUNS.load(SeqCst)), (Ok(1), run));
                }
                assert!(!fixture.cache.exists("outer").await.unwrap());
                INNER.down.store(false, SeqCst);
                fixture.clock.advance(secs(1));
                assert_eq!(outer().await, Ok(3));
                assert_eq!(
                    (outer().await, OUTER_RUNS.load(SeqCst)),
                    (Ok(3), 4),
                    "what is fresh was not kept"
                );
            })
            .await;
    }
}

#[soft(ttl = "10m", soft_ttl = "1m", key = "kept")]
async fn kept_outside(origin: &Origin) -> Result<usize, AppError> {
    through(origin).await
}

#[cached(ttl = "10s", key = "through")]
async fn through(origin: &Origin) -> Result<usize, AppError> {
    origin.ask().await
}

#[tokio::test]
async fn what_a_cached_function_inside_answers_is_kept_hit_or_not() {
    let (fixture, origin) = (Fixture::memory().await, Origin::new());
    fixture
        .run(async {
            through(&origin).await.unwrap();
            kept_outside(&origin).await.unwrap();
            assert!(
                fixture.cache.exists("kept").await.unwrap(),
                "an answer that was a hit inside was not kept"
            );
            fixture.clock.advance(secs(60));
            origin.down.store(true, SeqCst);
            assert_eq!(kept_outside(&origin).await, Ok(1));
        })
        .await;
}

#[tokio::test]
async fn while_one_process_computes_the_others_have_the_present_value() {
    static GATE: Semaphore = Semaphore::const_new(1);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[soft(ttl = "10m", soft_ttl = "1m", key = "two")]
    async fn two() -> Result<usize, AppError> {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        GATE.acquire().await.unwrap().forget();
        Ok(run)
    }
    let (clock, backend): (_, Arc<dyn macadamia::Backend>) = (ManualClock::new(), Arc::new(Wire::new()));
    let build = async || {
        let cache =
            Cache::builder().route("", Arc::clone(&backend)).clock(clock.clone()).build().await.unwrap();
        Scope::new().cache(&cache)
    };
    let (one, other) = (build().await, build().await);
    assert_eq!(one.clone().run(two()).await, Ok(1));
    clock.advance(secs(60));
    let sleepers = clock.sleepers();
    let first = tokio::spawn(one.clone().run(two()));
    settle().await;
    for _ in 0..8 {
        // The lease is renewed by a thread of its own, which sleeps again when that is done.
        let deadline = std::time::Instant::now() + secs(10);
        while clock.sleepers() <= sleepers {
            assert!(std::time::Instant::now() < deadline, "nobody renews the lease");
            settle().await;
        }
        assert_eq!(other.clone().run(two()).await, Ok(1));
        clock.advance(secs(3));
        settle().await;
    }
    assert_eq!(RUNS.load(SeqCst), 2, "the other process computed it too");
    GATE.add_permits(1);
    assert_eq!(first.await.unwrap(), Ok(2));
    assert_eq!(other.run(two()).await, Ok(2));
}

static DROPPED: Origin = Origin::new();

#[soft(ttl = "10m", soft_ttl = "1m", key = "dropped")]
async fn dropped() -> Result<usize, AppError> {
    DROPPED.ask().await
}

#[tokio::test]
async fn a_call_dropped_at_any_point_leaves_nothing_behind() {
    for fixture in Fixture::each().await {
        for (due, down) in [(false, false), (true, false), (true, true)] {
            for polls in 0.. {
                DROPPED.reset();
                let done = fixture
                    .run(async {
                        purge!("dropped").await.unwrap();
                        // A pause that a try before has begun is over.
                        fixture.clock.advance(secs(200));
                        if due {
                            dropped().await.unwrap();
                            fixture.clock.advance(secs(60));
                        }
                        DROPPED.down.store(down, SeqCst);
                        let done = drop_after(polls, dropped()).await;
                        settle().await;
                        assert_eq!(fixture.cache.in_flight(), 0);
                        DROPPED.down.store(false, SeqCst);
                        fixture.clock.advance(secs(61));
                        let before = DROPPED.runs();
                        // A lease on a backend of bytes is given back by another thread.
                        let deadline = std::time::Instant::now() + secs(10);
                        while DROPPED.runs() == before {
                            assert!(std::time::Instant::now() < deadline, "the lease was left behind");
                            dropped().await.unwrap();
                            settle().await;
                        }
                        done
                    })
                    .await;
                if done.is_some() {
                    break;
                }
                assert!(polls < 100, "it never ends");
            }
        }
    }
}
