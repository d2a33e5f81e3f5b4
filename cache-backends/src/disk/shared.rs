//! What the threads of a shard and its callers share.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cache_core::{Clock, Key, PrehashedState, SystemClock};

/// Uses beyond so many that were not written yet are forgotten.
const MOST_USES: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Shared {
    clock: Arc<OnceLock<Arc<dyn Clock>>>,
    /// The bytes this shard may keep; `None`: as many as the disk has.
    pub(super) limit: Option<i64>,
    /// Keys that were read since uses were last written down.
    uses: Mutex<HashSet<Key, PrehashedState>>,
    /// Whether the writer has yet to hear that there are some.
    is_news: AtomicBool,
    /// The latest use that was written down here.
    used: AtomicI64,
}

impl Shared {
    pub(super) fn new(clock: Arc<OnceLock<Arc<dyn Clock>>>, limit: Option<i64>) -> Self {
        Self { clock, limit, ..Self::default() }
    }

    /// That of the first cache that routes here.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.clock.get().map_or(&SystemClock, |clock| &**clock)
    }

    /// Notes that an entry was read.
    pub(super) fn note(&self, key: &Key) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.is_empty() {
            self.is_news.store(true, Ordering::Relaxed);
        }
        if uses.len() < MOST_USES {
            uses.insert(key.clone());
        }
    }

    /// Whether uses were noted that the writer has not heard of; it has then.
    pub(super) fn take_news(&self) -> bool {
        self.is_news.swap(false, Ordering::Relaxed)
    }

    pub(super) fn take_uses(&self) -> HashSet<Key, PrehashedState> {
        std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_uses(&self) -> bool {
        !self.uses.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The time of a use, later than that of every use before: what came later goes later, however the clock stands.
    pub(super) fn next_use(&self, now: i64) -> i64 {
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        now.max(last.unwrap_or_else(|last| last).saturating_add(1))
    }
}
