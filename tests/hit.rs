//! `#[hit]`: so many answers, and then a new value.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::items_after_statements, reason = "a function stands in the test that is about it")]
#![allow(clippy::unchecked_time_subtraction, reason = "a span that is known, less a part of it")]

mod support;

use macadamia::testing::{ManualClock, Wire, drop_after};
use macadamia::{Cache, EventKind, Outcome, Scope, detect, hit, purge, registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Answers with the number of the run, or fails.
struct Origin {
    runs: AtomicUsize,
    down: AtomicBool,
}

impl Origin {
    const fn new() -> Self {
        Self { runs: AtomicUsize::new(0), down: AtomicBool::new(false) }
    }

    async fn ask(&self) -> Result<usize, String> {
        let run = self.runs.fetch_add(1, SeqCst) + 1;
        tokio::task::yield_now().await;
        if self.down.load(SeqCst) { Err(format!("run {run}")) } else { Ok(run) }
    }

    fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    fn reset(&self) {
        self.runs.store(0, SeqCst);
        self.down.store(false, SeqCst);
    }
}

static THREE: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 3, key = "three:<id>")]
async fn three(id: u8) -> Result<usize, String> {
    let _ = id;
    THREE.ask().await
}

async fn calls(count: usize, call: impl AsyncFn() -> usize) -> Vec<usize> {
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(call().await);
        settle().await;
    }
    answers
}

#[tokio::test]
async fn a_value_answers_so_many_calls_and_the_next_one_computes() {
    for fixture in Fixture::each().await {
        THREE.reset();
        fixture
            .run(async {
                let answers = calls(12, async || three(1).await.unwrap()).await;
                assert_eq!(answers, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
                // Each key has its own count, and its own time.
                assert_eq!(calls(5, async || three(2).await.unwrap()).await, [4, 4, 4, 4, 5]);
                fixture.clock.advance(secs(7200));
                assert_eq!(three(2).await, Ok(6), "it outlived its ttl");
            })
            .await;
    }
}

static CROWD: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 100, key = "crowd")]
async fn crowd() -> Result<usize, String> {
    CROWD.ask().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_value_answers_more_often_than_it_may_however_many_call_at_once_and_one_computes() {
    for fixture in Fixture::each().await {
        CROWD.reset();
        fixture
            .run(async {
                assert_eq!(crowd().await, Ok(1));
                let scope = Scope::current();
                for round in 1..=3 {
                    let all: Vec<_> = (0..150).map(|_| tokio::spawn(scope.clone().run(crowd()))).collect();
                    let mut answers = [0, 0];
                    for call in all {
                        answers[call.await.unwrap().unwrap() - round] += 1;
                    }
                    assert_eq!(CROWD.runs(), round + 1);
                    // Who is looking while it is replaced has the new one: no more than there are threads.
                    assert!((96..=100).contains(&answers[0]), "of {answers:?} in round {round}");
                    // What the new one has left.
                    let rest = 100 - fixture.events.count(EventKind::Hit) % 100;
                    for _ in 0..rest % 100 {
                        crowd().await.unwrap();
                    }
                    purge!("crowd").await.unwrap();
                    CROWD.runs.store(round, SeqCst);
                    assert_eq!(crowd().await, Ok(round + 1));
                }
            })
            .await;
    }
}

static FAILING: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 2, key = "failing")]
async fn failing() -> Result<usize, String> {
    FAILING.ask().await
}

#[tokio::test]
async fn if_computing_fails_at_the_limit_the_present_value_goes_on_while_its_ttl_lasts() {
    for fixture in Fixture::each().await {
        FAILING.reset();
        fixture
            .run(async {
                assert_eq!(calls(3, async || failing().await.unwrap()).await, [1, 1, 1]);
                FAILING.down.store(true, SeqCst);
                assert_eq!(calls(10, async || failing().await.unwrap()).await, [1; 10]);
                assert_eq!(FAILING.runs(), 2, "each call tried");
                fixture.clock.advance(secs(1));
                let (out, told) = detect(failing()).await;
                assert_eq!((out, FAILING.runs()), (Ok(1), 3));
                assert_eq!((told[0].outcome, told[0].strategy), (Outcome::Stale, "hit"));
                fixture.clock.advance(secs(2));
                FAILING.down.store(false, SeqCst);
                assert_eq!(calls(4, async || failing().await.unwrap()).await, [4, 4, 4, 5]);
                FAILING.down.store(true, SeqCst);
                fixture.clock.advance(secs(7200));
                assert_eq!(failing().await, Err("run 6".to_owned()));
            })
            .await;
    }
}

static BEFORE: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 5, update_before = 2, key = "before")]
async fn before() -> Result<usize, String> {
    BEFORE.ask().await
}

static AFTER: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 3, update_after = 2, key = "after")]
async fn after() -> Result<usize, String> {
    AFTER.ask().await
}

#[tokio::test]
async fn a_value_is_computed_anew_beside_the_call_that_leaves_so_many_hits() {
    for fixture in Fixture::each().await {
        BEFORE.reset();
        fixture
            .run(async {
                // The third hit leaves two.
                let answers = calls(8, async || before().await.unwrap()).await;
                assert_eq!(answers, [1, 1, 1, 1, 2, 2, 2, 3]);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Computed), 1, "a caller waited");
        assert_eq!(fixture.events.count(EventKind::Refreshed), 2);
    }
}

#[tokio::test]
async fn a_value_is_computed_anew_beside_its_nth_hit() {
    for fixture in Fixture::each().await {
        AFTER.reset();
        fixture
            .run(async {
                assert_eq!(calls(8, async || after().await.unwrap()).await, [1, 1, 1, 2, 2, 3, 3, 4]);
            })
            .await;
    }
}

#[tokio::test]
async fn while_it_is_computed_anew_the_hits_that_are_left_are_answered_and_then_callers_wait() {
    static GATE: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[hit(ttl = "2h", cache_hits = 4, update_after = 1, key = "slow")]
    async fn slow() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        GATE.acquire().await.unwrap().forget();
        run
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(calls(5, async || slow().await).await, [1; 5]);
            let waiting: Vec<_> = (0..5).map(|_| tokio::spawn(Scope::current().run(slow()))).collect();
            settle().await;
            assert_eq!(RUNS.load(SeqCst), 2);
            GATE.add_permits(1);
            for call in waiting {
                assert_eq!(call.await.unwrap(), 2);
            }
            assert_eq!(RUNS.load(SeqCst), 2, "beside a refresh that is under way another one ran");
        })
        .await;
}

#[tokio::test]
async fn in_the_foreground_the_caller_at_the_nth_hit_has_the_new_value() {
    static ORIGIN: Origin = Origin::new();
    #[hit(ttl = "2h", cache_hits = 9, update_after = 2, background = false, key = "here")]
    async fn here(of: &mut usize) -> Result<usize, String> {
        *of += 1;
        ORIGIN.ask().await
    }
    for fixture in Fixture::each().await {
        ORIGIN.reset();
        fixture
            .run(async {
                let answers = calls(7, async || here(&mut 0).await.unwrap()).await;
                assert_eq!(answers, [1, 1, 2, 2, 3, 3, 4]);
            })
            .await;
    }
}

#[tokio::test]
async fn numbers_can_be_expressions() {
    static ORIGIN: Origin = Origin::new();
    fn most(of: u8) -> u32 {
        u32::from(of)
    }
    #[hit(ttl = "2h", cache_hits = most(id), update_before = most(1), key = "counted:<id>")]
    async fn counted(id: u8) -> Result<usize, String> {
        ORIGIN.ask().await
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(calls(5, async || counted(3).await.unwrap()).await, [1, 1, 1, 2, 2]);
            ORIGIN.reset();
            assert_eq!(calls(3, async || counted(0).await.unwrap()).await, [1, 2, 3], "no hits at all");
        })
        .await;
}

#[tokio::test]
async fn processes_count_together() {
    static ORIGIN: Origin = Origin::new();
    #[hit(ttl = "2h", cache_hits = 3, key = "together")]
    async fn together() -> Result<usize, String> {
        ORIGIN.ask().await
    }
    let (clock, backend): (_, Arc<dyn macadamia::Backend>) = (ManualClock::new(), Arc::new(Wire::new()));
    let build = async || {
        let cache =
            Cache::builder().route("", Arc::clone(&backend)).clock(clock.clone()).build().await.unwrap();
        Scope::new().cache(&cache)
    };
    let (one, other) = (build().await, build().await);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(one.clone().run(together()).await.unwrap());
        answers.push(other.clone().run(together()).await.unwrap());
    }
    assert_eq!(answers, [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[tokio::test]
async fn hits_are_counted_as_hits_and_a_counter_is_no_key_of_the_user() {
    #[hit(ttl = "2h", cache_hits = 2, key = "stats")]
    async fn told() -> usize {
        7
    }
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                calls(4, async || told().await).await;
                assert_eq!(fixture.cache.keys_count().await.unwrap(), 1);
                assert_eq!(fixture.cache.scan("*").await.unwrap().len(), 1);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Hit), 2);
        assert_eq!(fixture.events.count(EventKind::Computed), 2);
    }
    let stats = registry().find(|function| function.name == "told").unwrap().stats();
    assert_eq!(stats.calls(), stats.hits + stats.computed);
}

static DROPPED: Origin = Origin::new();

#[hit(ttl = "2h", cache_hits = 1, key = "dropped")]
async fn dropped() -> Result<usize, String> {
    DROPPED.ask().await
}

#[tokio::test]
async fn a_call_dropped_at_any_point_leaves_nothing_behind() {
    for fixture in Fixture::each().await {
        for before in 0..3 {
            for polls in 0.. {
                DROPPED.reset();
                let done = fixture
                    .run(async {
                        purge!("dropped").await.unwrap();
                        for _ in 0..before {
                            dropped().await.unwrap();
                        }
                        let done = drop_after(polls, dropped()).await;
                        settle().await;
                        assert_eq!(fixture.cache.in_flight(), 0);
                        let deadline = std::time::Instant::now() + secs(10);
                        let before = DROPPED.runs();
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

#[tokio::test]
async fn a_count_that_the_call_says_can_have_a_handle() {
    static ORIGIN: Origin = Origin::new();
    #[hit(ttl = "2h", cache_hits = hits, update_after = hits, background = false, key = "said:<id>")]
    async fn said(id: u8, hits: u32) -> Result<usize, String> {
        let _ = id;
        ORIGIN.ask().await
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            said::set(1, &77).await.unwrap();
            assert_eq!(calls(4, async || said(1, 3).await.unwrap()).await, [77, 77, 1, 1]);
            assert_eq!(said(1, 2).await, Ok(2), "its second hit");
        })
        .await;
}
