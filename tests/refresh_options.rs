//! What `early`, `soft` and `hit` share with `cached`: conditions, tags, versions, leases, kept errors and absences.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, Command, EventKind, Scope, early, hit, purge, soft};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::sync::Semaphore;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Counts runs.
struct Runs(AtomicUsize);

impl Runs {
    const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    fn next(&self) -> usize {
        self.0.fetch_add(1, SeqCst) + 1
    }
}

#[early(ttl = "90s", key = "early", when = cached)]
async fn early_when(cached: bool, runs: Arc<Runs>) -> usize {
    runs.next()
}

#[soft(ttl = "90s", key = "soft", when = cached)]
async fn soft_when(cached: bool, runs: Arc<Runs>) -> Result<usize, ()> {
    Ok(runs.next())
}

#[hit(ttl = "90s", cache_hits = 9, key = "hit", when = cached)]
async fn hit_when(cached: bool, runs: Arc<Runs>) -> usize {
    runs.next()
}

#[tokio::test]
async fn a_call_that_is_excepted_runs_and_leaves_what_is_there_alone() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let runs = Arc::new(Runs::new());
                let call = async |cached| {
                    let early = early_when(cached, Arc::clone(&runs)).await;
                    let soft = soft_when(cached, Arc::clone(&runs)).await.unwrap();
                    [early, soft, hit_when(cached, Arc::clone(&runs)).await]
                };
                assert_eq!(call(true).await, [1, 2, 3]);
                assert_eq!(call(false).await, [4, 5, 6]);
                assert_eq!(call(true).await, [1, 2, 3]);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Bypassed), 3);
    }
}

static GATE: Semaphore = Semaphore::const_new(0);
static TAGGED: Runs = Runs::new();

#[early(ttl = "90s", key = "tagged", tags = ["all"])]
async fn tagged() -> usize {
    let run = TAGGED.next();
    if run.is_multiple_of(2) {
        GATE.acquire().await.unwrap().forget();
    }
    run
}

#[tokio::test]
async fn deleting_a_tag_ends_a_value_and_what_is_computed_to_replace_it() {
    for fixture in Fixture::each().await {
        TAGGED.0.store(0, SeqCst);
        fixture
            .run(async {
                assert_eq!(tagged().await, 1);
                fixture.clock.advance(secs(30));
                assert_eq!(tagged().await, 1);
                settle().await;
                purge!(tags = ["all"]).await.unwrap();
                GATE.add_permits(1);
                settle().await;
                assert_eq!(tagged().await, 3, "a value from before the deletion came back");
            })
            .await;
    }
}

static ABSENT: Runs = Runs::new();

#[early(ttl = "90s", none_ttl = "10s", key = "absent")]
async fn absent() -> Option<usize> {
    let run = ABSENT.next();
    (run != 2).then_some(run)
}

#[tokio::test]
async fn an_absence_that_is_kept_replaces_a_value_and_is_not_computed_anew_early() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(absent().await, Some(1));
            fixture.clock.advance(secs(30));
            assert_eq!(absent().await, Some(1));
            settle().await;
            assert_eq!(absent().await, None);
            fixture.clock.advance(secs(9));
            assert_eq!(absent().await, None);
            settle().await;
            assert_eq!(ABSENT.0.load(SeqCst), 2);
            fixture.clock.advance(secs(1));
            assert_eq!(absent().await, Some(3));
        })
        .await;
}

static ERR: Runs = Runs::new();

#[soft(ttl = "90s", soft_ttl = "30s", err_ttl = "10s", key = "err")]
async fn err() -> Result<usize, String> {
    let run = ERR.next();
    if run == 2 { Ok(run) } else { Err(format!("run {run}")) }
}

#[tokio::test]
async fn an_error_is_kept_only_where_there_is_no_value_to_give() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(err().await, Err("run 1".to_owned()));
            fixture.clock.advance(secs(9));
            assert_eq!(err().await, Err("run 1".to_owned()), "it was not kept");
            fixture.clock.advance(secs(1));
            assert_eq!(err().await, Ok(2));
            fixture.clock.advance(secs(30));
            assert_eq!(err().await, Ok(2), "an error took the place of a value");
            fixture.clock.advance(secs(60));
            assert_eq!(err().await, Err("run 4".to_owned()));
        })
        .await;
}

#[early(ttl = "90s", key = "versioned")]
async fn first_version(runs: Arc<Runs>) -> usize {
    runs.next()
}

#[early(ttl = "90s", key = "versioned", version = 2)]
async fn second_version(runs: Arc<Runs>) -> usize {
    runs.next()
}

#[tokio::test]
async fn a_value_of_another_version_is_neither_given_nor_computed_anew_beside() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let runs = Arc::new(Runs::new());
            assert_eq!(first_version(Arc::clone(&runs)).await, 1);
            assert_eq!(second_version(Arc::clone(&runs)).await, 2);
            assert_eq!(first_version(Arc::clone(&runs)).await, 3);
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Stale), 0);
}

static COLD: Runs = Runs::new();

#[early(ttl = "90s", key = "cold", lock = true)]
async fn cold() -> usize {
    tokio::task::yield_now().await;
    COLD.next()
}

#[tokio::test]
async fn with_a_lease_two_processes_that_miss_compute_once() {
    let (clock, backend): (_, Arc<dyn macadamia::Backend>) = (ManualClock::new(), Arc::new(Wire::new()));
    let mut calls = Vec::new();
    for _ in 0..2 {
        let cache =
            Cache::builder().route("", Arc::clone(&backend)).clock(clock.clone()).build().await.unwrap();
        let scope = Scope::new().cache(&cache);
        calls.extend((0..20).map(|_| tokio::spawn(scope.clone().run(cold()))));
    }
    // Who waits for another process looks again after a pause.
    let ticking = tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_millis(10));
            settle().await;
        }
    });
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    ticking.abort();
    assert_eq!(COLD.0.load(SeqCst), 1);
}

static UNSTORED: Runs = Runs::new();

#[soft(ttl = "90s", soft_ttl = "30s", key = "unstored")]
async fn unstored(down: bool) -> Result<usize, ()> {
    let run = UNSTORED.next();
    if down { Err(()) } else { Ok(run) }
}

#[tokio::test]
async fn where_storing_is_switched_off_a_value_that_should_be_new_is_computed_for_each_call() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(unstored(false).await, Ok(1));
            fixture.clock.advance(secs(30));
            let off = async {
                assert_eq!(unstored(false).await, Ok(2));
                assert_eq!(unstored(true).await, Ok(1), "no present value for a failure");
                assert_eq!(unstored(false).await, Ok(4));
            };
            Scope::new().disable(Command::Set).run(off).await;
            assert_eq!(unstored(false).await, Ok(5));
            assert_eq!(unstored(false).await, Ok(5));
        })
        .await;
}
