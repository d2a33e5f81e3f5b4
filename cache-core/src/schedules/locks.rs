//! Locks that several callers want at once.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::shelf::Shelf;
use super::{
    KEY, cache_over, explore, perhaps_dropped, pick, settled, together, two_processes, until_up, work,
};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::command::{Lease, LockGuard};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lock::{Fence, InLine, Leaving};
use crate::testing::ManualClock;

struct Story {
    clock: ManualClock,
    caches: Vec<Cache>,
    holders: Mutex<Holders>,
    over: AtomicBool,
}

struct Holders {
    inside: Vec<(Fence, Arc<Lease>)>,
    highest: Fence,
}

impl Story {
    fn new(clock: ManualClock, caches: impl Into<Vec<Cache>>) -> Arc<Self> {
        let holders = Mutex::new(Holders { inside: Vec::new(), highest: Fence::NONE });
        Arc::new(Self { clock, caches: caches.into(), holders, over: AtomicBool::new(false) })
    }

    /// Takes the lock and gives it back, some way or other.
    async fn hold(&self, expires: bool) -> Result<()> {
        let guard = pick(&self.caches).lock(KEY, "10s").await?;
        let inside = Inside::enter(self, &guard, expires);
        work().await;
        drop(inside);
        if pick(&[true, false]) {
            let released = guard.release().await?;
            assert!(released || expires, "somebody else released it");
        }
        Ok(())
    }

    /// The lock is as if nobody had ever wanted it.
    async fn check(&self) {
        for cache in &self.caches {
            until_up(cache, &self.clock).await;
        }
        settled().await;
        let key = Key::from("lock:k");
        assert!(!Leaving::is_on_its_way(&key));
        for cache in &self.caches {
            assert!(!cache.is_locked(KEY).await.unwrap(), "nobody has released it");
            assert!(cache.routes().iter().all(|route| !InLine::is_there(route.id(), &key)));
        }
        assert_eq!(self.clock.sleepers(), 0);
    }
}

/// Where the lock protects something.
struct Inside<'a>(&'a Story, Fence);

impl<'a> Inside<'a> {
    fn enter(story: &'a Story, guard: &LockGuard, expires: bool) -> Self {
        let (fence, before) = (guard.fence(), story.clock.now());
        let mut holders = story.holders.lock().unwrap();
        let (others, highest) = (holders.inside.clone(), holders.highest);
        holders.highest = fence.max(highest);
        holders.inside.push((fence, guard.lease()));
        drop(holders);
        assert!(expires || others.is_empty(), "{} have the lock already", others.len());
        let (stands, standing) =
            (guard.is_held(), others.iter().filter(|(_, lease)| lease.is_held()).count());
        // Whether a lease stands is known only while time does.
        if stands && story.clock.now() == before {
            assert_eq!(standing, 0, "another lease stands");
            assert!(fence > highest, "{fence} is no new number after {highest}");
        }
        Self(story, fence)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut holders = self.0.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.inside.retain(|(fence, _)| *fence != self.1);
    }
}

/// Some are dropped, if `drops`; each that is not gets the lock.
async fn holders(story: Arc<Story>, drops: bool) {
    let callers = (0..4).map(|_| {
        let story = Arc::clone(&story);
        async move {
            let held =
                if drops { perhaps_dropped(story.hold(false)).await } else { Some(story.hold(false).await) };
            if let Some(held) = held {
                held.unwrap();
            }
        }
    });
    together(callers).await;
    story.check().await;
}

#[test]
fn a_lock_has_one_holder_and_its_release_wakes_the_next() {
    explore(|| async {
        let clock = ManualClock::new();
        holders(Story::new(clock.clone(), two_processes(&clock).await), false).await;
    });
}

#[test]
fn holders_and_waiters_that_are_dropped_leave_nothing_on_a_server() {
    explore(|| async {
        let clock = ManualClock::new();
        holders(Story::new(clock.clone(), two_processes(&clock).await), true).await;
    });
}

#[test]
fn holders_and_waiters_that_are_dropped_leave_nothing_in_this_process() {
    explore(|| async {
        let clock = ManualClock::new();
        holders(Story::new(clock.clone(), [cache_over(Shelf::default(), &clock).await]), true).await;
    });
}

#[test]
fn while_leases_run_out_no_two_of_them_stand_and_fences_grow() {
    explore(|| async {
        let clock = ManualClock::new();
        let story = Story::new(clock.clone(), two_processes(&clock).await);
        let time = shuttle::future::spawn({
            let story = Arc::clone(&story);
            async move {
                while !story.over.load(SeqCst) {
                    story.clock.advance(pick(&[Duration::from_millis(5), Duration::from_secs(4)]));
                    shuttle::future::yield_now().await;
                }
            }
        });
        let callers = (0..3).map(|_| {
            let story = Arc::clone(&story);
            async move {
                match perhaps_dropped(story.hold(true)).await {
                    None | Some(Ok(()) | Err(Error::LockTimeout)) => {}
                    // Time flies: a server that is merely slow is taken for one that is down.
                    Some(Err(error)) if error.is_unavailable() => {}
                    Some(Err(error)) => panic!("{error}"),
                }
            }
        });
        together(callers).await;
        settled().await;
        story.over.store(true, SeqCst);
        time.await.unwrap();
        story.clock.advance(Duration::from_secs(10));
        story.check().await;
    });
}
