//! Leases of values: the right to compute one anew, and to compute one that is missing, in several processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::values::SETTINGS;
use super::{KEY, TTL, call, explore, perhaps_dropped, pick, settled, together, two_processes, work};
use crate::cache::Cache;
use crate::strategy::cached::Settings;
use crate::strategy::policy::Policy;
use crate::testing::ManualClock;

#[derive(Debug)]
struct Failure;

struct Story {
    clock: ManualClock,
    caches: [Cache; 2],
    settings: Settings,
    running: AtomicUsize,
    runs: AtomicU64,
}

impl Story {
    async fn new(settings: Settings) -> Arc<Self> {
        let clock = ManualClock::new();
        let caches = two_processes(&clock).await;
        let (running, runs) = (AtomicUsize::new(0), AtomicU64::new(0));
        Arc::new(Self { clock, caches, settings, running, runs })
    }

    async fn call(&self, fails: bool) -> Result<u64, Failure> {
        let body = async {
            let _running = Running::begin(self);
            work().await;
            if fails { Err(Failure) } else { Ok(self.runs.fetch_add(1, SeqCst)) }
        };
        call(&pick(&self.caches), crate::__returns!(Result<u64, Failure>), self.settings, body).await
    }

    async fn check(&self) {
        settled().await;
        assert!(self.caches.iter().all(|cache| cache.in_flight() == 0));
        assert_eq!(self.clock.sleepers(), 0, "somebody still waits, or renews");
    }
}

struct Running<'a>(&'a Story);

impl<'a> Running<'a> {
    fn begin(story: &'a Story) -> Self {
        let others = story.running.fetch_add(1, SeqCst);
        assert_eq!(others, 0, "somebody else has the lease");
        Self(story)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

/// A value that is due: it is computed by one caller of all processes, and by the next if that one gives up.
async fn refreshing(policy: Policy) {
    let story = Story::new(Settings { policy, ..SETTINGS }).await;
    assert_eq!(story.call(false).await.unwrap(), 0);
    settled().await;
    story.clock.advance(TTL.duration().unwrap() / 3);
    let callers = (0..4).map(|_| {
        let story = Arc::clone(&story);
        async move {
            let fails = pick(&[false, false, true]);
            if let Some(answer) = perhaps_dropped(story.call(fails)).await {
                answer.unwrap();
            }
        }
    });
    together(callers).await;
    story.check().await;
    // The pause after a failure is over then, and a lease left behind would not be.
    story.clock.advance(Duration::from_secs(2));
    let stored = story.caches[0].get::<u64>(KEY).await.unwrap().unwrap();
    let (before, answer) = (story.runs.load(SeqCst), story.call(false).await.unwrap());
    assert_eq!(answer, if stored == 0 { before } else { stored }, "the right to compute is lost");
    story.check().await;
}

#[test]
fn a_value_is_computed_early_by_one_caller_of_all_processes() {
    explore(|| refreshing(Policy::EARLY.in_foreground()));
}

#[test]
fn a_value_that_should_be_new_is_computed_by_one_caller_of_all_processes() {
    explore(|| refreshing(Policy::Soft));
}

#[test]
fn a_missing_value_under_a_lease_is_computed_once_in_all_processes() {
    explore(|| async {
        let story = Story::new(Settings { lock: Some(TTL), ..SETTINGS }).await;
        let callers = (0..4).map(|_| {
            let story = Arc::clone(&story);
            async move { assert_eq!(story.call(false).await.unwrap(), 0) }
        });
        together(callers).await;
        story.check().await;
    });
}

#[test]
fn the_lease_of_a_missing_value_goes_on_to_the_next_when_its_holder_fails_or_is_dropped() {
    explore(|| async {
        let story = Story::new(Settings { lock: Some(TTL), ..SETTINGS }).await;
        let callers = (0..4).map(|_| {
            let story = Arc::clone(&story);
            async move {
                let fails = pick(&[false, true]);
                let answer = perhaps_dropped(story.call(fails)).await;
                assert!(answer.is_none_or(|answer| answer.is_ok() || fails));
            }
        });
        together(callers).await;
        story.check().await;
    });
}
