//! Errors that `err_ttl` keeps and whose type has no way into bytes: they stay in this process, beside a backend of
//! bytes.
//!
//! What deletes or writes a key here ends them; what another process does ends them by their ttl only.

use std::array;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::clock::Time;
use crate::entry::Entry;
use crate::key::{Key, PrehashedState};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// More are not kept: errors are for seconds.
const MOST: usize = 1024;
const SHARDS: usize = 64;

type Table = HashMap<Key, Arc<Entry>, PrehashedState>;

/// The errors of one route.
pub(super) struct Asides {
    table: Mutex<Table>,
    /// How often a key of each shard was deleted or written: what was begun before is not kept after.
    changes: [AtomicU64; SHARDS],
    used: AtomicBool,
}

impl Default for Asides {
    fn default() -> Self {
        Self {
            table: Mutex::default(),
            changes: array::from_fn(|_| AtomicU64::new(0)),
            used: AtomicBool::new(false),
        }
    }
}

/// Which changes of a key's shard a computation knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since(u64);

impl Asides {
    /// Now, before computing.
    pub(super) fn now(&self, key: &Key) -> Since {
        Since(self.shard(key).load(Ordering::SeqCst))
    }

    /// Keeps an error, unless its key was changed since.
    pub(super) fn put(&self, key: &Key, entry: Arc<Entry>, since: Since, now: Time) -> bool {
        // First this, then the changes; a change the other way round. So it is seen, or sees the entry.
        self.used.store(true, Ordering::SeqCst);
        let mut table = self.table();
        if self.now(key) != since {
            return false;
        }
        if table.len() >= MOST {
            table.retain(|_, entry| entry.is_alive_at(now));
        }
        if table.len() >= MOST && !table.contains_key(key) {
            let other = table.keys().next().cloned();
            other.map(|other| table.remove(&other));
        }
        table.insert(key.clone(), entry);
        true
    }

    /// Whether an error was ever kept.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::SeqCst)
    }

    /// The error under a key.
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        if !self.used.load(Ordering::SeqCst) {
            return None;
        }
        self.table().get(key).cloned()
    }

    /// The key is deleted or written.
    pub(super) fn forget(&self, key: &Key) {
        self.shard(key).fetch_add(1, Ordering::SeqCst);
        if self.used.load(Ordering::SeqCst) {
            self.table().remove(key);
        }
    }

    /// Those keys are.
    pub(super) fn forget_where(&self, goes: &impl Fn(&Key) -> bool) {
        for shard in &self.changes {
            shard.fetch_add(1, Ordering::SeqCst);
        }
        if self.used.load(Ordering::SeqCst) {
            self.table().retain(|key, _| !goes(key));
        }
    }

    fn shard(&self, key: &Key) -> &AtomicU64 {
        &self.changes[(key.hash() >> 58) as usize % SHARDS]
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Meta;

    fn entry() -> Arc<Entry> {
        Entry::new("failed", Meta::new(Time::from_nanos(1), Time::from_nanos(100)))
    }

    #[test]
    fn what_was_begun_before_a_change_is_not_kept_after_it() {
        let (asides, key, now) = (Asides::default(), Key::from("k"), Time::from_nanos(2));
        let since = asides.now(&key);
        asides.forget(&key);
        assert!(!asides.put(&key, entry(), since, now));
        assert!(asides.put(&key, entry(), asides.now(&key), now));
        let since = asides.now(&key);
        asides.forget_where(&|_| false);
        assert!(asides.get(&key).is_some());
        assert!(!asides.put(&key, entry(), since, now));
        asides.forget(&key);
        assert!(asides.get(&key).is_none());
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let (asides, now) = (Asides::default(), Time::from_nanos(2));
        for number in 0..MOST + 10 {
            let key = Key::from(format!("k:{number}"));
            assert!(asides.put(&key, entry(), asides.now(&key), now));
        }
        assert_eq!(asides.table().len(), MOST);
    }
}
