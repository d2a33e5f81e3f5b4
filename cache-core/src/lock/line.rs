//! Those who wait for a lock in this process: they stand in line, and only the first of each line asks the backend.
//!
//! A release here wakes the first at once. Two caches may share a store, so who is told of a release is a matter
//! of the key alone, whatever cache it went through; a key that shares a stripe costs one question too many.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::key::{Key, PrehashedState};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard};

const STRIPES: usize = 64;

static FREED: [Notify; STRIPES] = [const { Notify::const_new() }; STRIPES];

static LEAVING: [AtomicUsize; STRIPES] = [const { AtomicUsize::new(0) }; STRIPES];

fn stripe(key: &Key) -> usize {
    (key.hash() >> 32) as usize % STRIPES
}

/// Told when a lock of this key, or of another of its stripe, was released in this process.
pub(crate) fn freed(key: &Key) -> &'static Notify {
    &FREED[stripe(key)]
}

/// A release that goes on behind its holder's back; over when dropped.
pub(crate) struct Leaving(usize);

impl Leaving {
    pub(crate) fn begin(key: &Key) -> Self {
        let stripe = stripe(key);
        LEAVING[stripe].fetch_add(1, Ordering::AcqRel);
        Self(stripe)
    }

    /// Whether a release of this key, or of another of its stripe, is on its way.
    pub(crate) fn is_on_its_way(key: &Key) -> bool {
        LEAVING[stripe(key)].load(Ordering::Acquire) > 0
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        LEAVING[self.0].fetch_sub(1, Ordering::AcqRel);
        FREED[self.0].notify_waiters();
    }
}

pub(crate) fn tell_freed(key: &Key) {
    freed(key).notify_waiters();
}

pub(crate) fn tell_all_freed() {
    FREED.iter().for_each(Notify::notify_waiters);
}

/// By route and key: the line, and how many stand in it. They are counted, as a share of an `Arc` outlives the lock
/// that it is given up under.
type Lines = HashMap<(u32, Key), (Arc<Semaphore>, usize), PrehashedState>;

static LINES: Mutex<Lines> = Mutex::new(HashMap::with_hasher(PrehashedState));

fn lines() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in the line for one lock; left when dropped.
#[derive(Debug)]
pub(crate) struct InLine {
    of: (u32, Key),
    line: Arc<Semaphore>,
}

impl InLine {
    /// Whether anybody stands there: who comes now comes after them.
    pub(crate) fn is_there(route: u32, key: &Key) -> bool {
        lines().contains_key(&(route, key.clone()))
    }

    pub(crate) fn join(route: u32, key: &Key) -> Self {
        let of = (route, key.clone());
        let mut lines = lines();
        let (line, standing) = lines.entry(of.clone()).or_insert_with(|| (Arc::new(Semaphore::new(1)), 0));
        *standing += 1;
        Self { of, line: Arc::clone(line) }
    }

    /// The turn, in order of arrival. Never closed, so there is always one to come.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.line.acquire().await.ok()
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut lines = lines();
        if let Some((_, standing)) = lines.get_mut(&self.of) {
            *standing -= 1;
            if *standing == 0 {
                lines.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_has_one_first_and_is_gone_with_its_last() {
        let key = Key::from("lock:line");
        assert!(!InLine::is_there(u32::MAX, &key));
        let (a, b) = (InLine::join(u32::MAX, &key), InLine::join(u32::MAX, &key));
        let turn = a.turn().await;
        assert!(b.line.try_acquire().is_err());
        drop(turn);
        assert!(b.turn().await.is_some());
        drop(a);
        assert!(InLine::is_there(u32::MAX, &key));
        drop(b);
        assert!(!InLine::is_there(u32::MAX, &key));
    }

    #[test]
    fn a_line_is_gone_with_its_last_though_their_shares_go_a_little_later() {
        let key = Key::from("lock:line of two");
        let (a, b) = (InLine::join(u32::MAX, &key), InLine::join(u32::MAX, &key));
        let late = Arc::clone(&a.line);
        drop((a, b));
        assert!(!InLine::is_there(u32::MAX, &key));
        drop(late);
    }
}
