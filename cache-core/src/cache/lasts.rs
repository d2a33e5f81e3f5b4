//! What was last stored under a key on a backend of bytes, so that the same answer again is not written again.
//!
//! `#[fail]` keeps every good answer. Where storing is a write to a server, an answer that did not change since it was
//! stored is only noted here, and stored again when that was some time ago. Its age counts from the note.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Time;
use crate::entry::Meta;
use crate::key::{Key, PrehashedState};

/// More keys than this are not remembered: their answers are written each time.
const MOST: usize = 4096;

type Table = HashMap<Key, Last, PrehashedState>;

/// The answers of one route.
#[derive(Default)]
pub(super) struct Lasts {
    table: Mutex<Table>,
    /// Whether an answer was ever noted.
    used: AtomicBool,
}

/// The answer under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Last {
    /// Of its bytes.
    pub(crate) digest: u64,
    /// Of its entry.
    pub(crate) nonce: u64,
    /// When the same answer is to be stored again.
    pub(crate) again: Time,
    /// Until when it may be used, counted from the last time it was given.
    pub(crate) good_until: Time,
}

impl Lasts {
    /// Whether this is the answer that is stored, and lately was; then its age counts from `now`.
    pub(super) fn renew(&self, key: &Key, digest: u64, now: Time, good_until: Time) -> bool {
        let mut table = self.table();
        let Some(last) = table.get_mut(key).filter(|last| last.digest == digest && now < last.again) else {
            return false;
        };
        last.good_until = last.good_until.max(good_until);
        true
    }

    /// Notes an answer that is about to be stored.
    pub(super) fn note(&self, key: &Key, last: Last) {
        self.used.store(true, Ordering::SeqCst);
        let mut table = self.table();
        if table.len() >= MOST && !table.contains_key(key) {
            // Whichever: it costs that key one write.
            let other = table.keys().next().cloned();
            other.map(|other| table.remove(&other));
        }
        table.insert(key.clone(), last);
    }

    /// Whether an answer was ever noted.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::SeqCst)
    }

    /// Takes a note back: the answer was not stored after all.
    pub(super) fn take_back(&self, key: &Key, noted: Last) {
        let mut table = self.table();
        if table.get(key).is_some_and(|last| last.nonce == noted.nonce) {
            table.remove(key);
        }
    }

    /// Until when an entry may be used.
    pub(super) fn good_until(&self, key: &Key, entry: Meta) -> Time {
        // Another entry than the one noted was stored by another process, which has its own notes.
        let table = self.table();
        let last = table.get(key).filter(|last| last.nonce == entry.nonce);
        last.map_or(entry.fresh_until, |last| last.good_until)
    }

    /// The key is deleted or written.
    pub(super) fn forget(&self, key: &Key) {
        self.table().remove(key);
    }

    /// Those keys are.
    pub(super) fn forget_where(&self, goes: &impl Fn(&Key) -> bool) {
        self.table().retain(|key, _| !goes(key));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(stored: u64) -> Last {
        let at = Time::from_nanos;
        Last { digest: 1, nonce: stored, again: at(stored + 10), good_until: at(stored + 100) }
    }

    #[test]
    fn the_same_answer_is_renewed_until_it_is_time_to_store_it_again() {
        let (lasts, key, at) = (Lasts::default(), Key::from("k"), Time::from_nanos);
        lasts.note(&key, last(5));
        let meta = |stored| {
            let mut meta = Meta::new(at(stored), at(stored + 100));
            meta.nonce = stored;
            meta
        };
        assert!(lasts.renew(&key, 1, at(14), at(114)));
        assert_eq!(lasts.good_until(&key, meta(5)), at(114));
        assert_eq!(lasts.good_until(&key, meta(6)), at(106), "somebody else's entry has its own age");
        assert!(!lasts.renew(&key, 2, at(14), at(114)), "another answer");
        assert!(!lasts.renew(&key, 1, at(15), at(115)), "long ago");
        lasts.take_back(&key, last(4));
        assert!(lasts.renew(&key, 1, at(14), at(114)), "a note of another store was taken back");
        lasts.forget(&key);
        assert!(!lasts.renew(&key, 1, at(14), at(114)));
    }

    #[test]
    fn no_more_keys_are_remembered_than_there_is_room_for() {
        let lasts = Lasts::default();
        for number in 0..MOST + 10 {
            lasts.note(&Key::from(format!("k:{number}")), last(5));
        }
        assert_eq!(lasts.table().len(), MOST);
        lasts.forget_where(&|_| true);
        assert!(lasts.table().is_empty());
    }
}
