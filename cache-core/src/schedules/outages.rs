//! Values whose source changes while the server comes and goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use super::values::SETTINGS;
use super::{KEY, call, explore, perhaps_dropped, pick, settled, together, until_up, work};
use crate::cache::Cache;
use crate::error::Error;
use crate::testing::{Faults, ManualClock, Wire};

struct Story {
    cache: Cache,
    faults: Faults,
    clock: ManualClock,
    /// What the function reads: the number of its last change, and of the last whose invalidation was answered.
    now: AtomicU64,
    answered: AtomicU64,
    /// Nothing goes wrong any more.
    is_fair: AtomicBool,
    is_over: AtomicBool,
}

impl Story {
    async fn new() -> Arc<Self> {
        let (faults, clock) = (Faults::new(), ManualClock::new());
        faults.yields(1);
        let builder = Cache::builder().clock(clock.clone()).route("", faults.wrap(Wire::new()));
        let cache = builder.build().await.unwrap();
        let (now, answered) = (AtomicU64::new(1), AtomicU64::new(1));
        let (is_fair, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { cache, faults, clock, now, answered, is_fair, is_over })
    }

    async fn ask(&self) {
        let answered = self.answered.load(SeqCst);
        let seen = if pick(&[true, false]) {
            let body = async {
                let read = self.now.load(SeqCst);
                work().await;
                read
            };
            Some(call(&self.cache, crate::__returns!(u64), SETTINGS, body).await)
        } else {
            self.cache.get::<u64>(KEY).await.unwrap_or(None)
        };
        assert!(seen.is_none_or(|seen| seen >= answered), "{seen:?} was invalidated by {answered}");
    }

    async fn change(&self) {
        let changed = self.now.fetch_add(1, SeqCst) + 1;
        drop(match pick(&[0, 0, 1, 2]) {
            0 => self.cache.delete(KEY).await.map(drop),
            1 => self.cache.delete_match("k*").await.map(drop),
            _ => self.cache.clear().await,
        });
        self.answered.fetch_max(changed, SeqCst);
    }

    async fn weather(&self) {
        while !self.is_over.load(SeqCst) {
            let faults = [
                None,
                None,
                Some(Error::unavailable("wire", "connection reset")),
                Some(Error::backend("not permitted")),
            ];
            self.faults.fail(if self.is_fair.load(SeqCst) { None } else { pick(&faults) });
            self.clock.advance(pick(&[Duration::from_millis(10), Duration::from_millis(100)]));
            shuttle::future::yield_now().await;
        }
    }
}

#[test]
fn what_was_invalidated_is_not_read_whatever_the_server_did() {
    explore(|| async {
        let story = Story::new().await;
        let weather = shuttle::future::spawn({
            let story = Arc::clone(&story);
            async move { story.weather().await }
        });
        let changes = pick(&[1, 2]);
        let tasks = (0..changes + 2).map(|at| {
            let story = Arc::clone(&story);
            async move {
                for _ in 0..2 {
                    if at < changes {
                        story.change().await;
                    } else {
                        perhaps_dropped(story.ask()).await;
                    }
                }
            }
        });
        together(tasks).await;
        story.is_fair.store(true, SeqCst);
        until_up(&story.cache, &story.clock).await;
        story.ask().await;
        // While time goes on, for what was refused is tried again after a while.
        settled().await;
        story.is_over.store(true, SeqCst);
        weather.await.unwrap();
        story.ask().await;
        assert_eq!(story.cache.in_flight(), 0);
    });
}
