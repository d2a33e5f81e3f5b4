//! Rights to store what is being computed, for backends that keep none themselves.
//!
//! A right is a fresh nonce that exists only while somebody computes the key. Whatever deletes or writes the
//! key drops it, and a store whose nonce is gone is refused: a value computed from older data cannot come
//! after the deletion. No record stays behind for a key nobody computes.
//!
//! Asking whether the nonce stands and storing are two steps here, so a gate makes them one: fills of a key
//! pass it together, whatever deletes or writes the key passes it alone. It costs nothing on a route whose
//! backend keeps such rights itself.

use std::collections::HashMap;
use std::sync::PoisonError;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::asides::Asides;
use super::lasts::Lasts;
use crate::backend::Fill;
use crate::key::{Key, PrehashedState};
use crate::pattern::Pattern;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

const GATES: usize = 16;

type Records = HashMap<Key, Record, PrehashedState>;

/// The rights of one route in this process.
#[derive(Default)]
pub(super) struct Fills {
    records: Mutex<Records>,
    gates: [RwLock<()>; GATES],
    /// Whether a right was ever taken here.
    used: AtomicBool,
    /// What ends rights ends these notes too.
    pub(super) lasts: Lasts,
    /// And these errors.
    pub(super) asides: Asides,
}

struct Record {
    nonce: u64,
    holders: usize,
}

/// Held while a key is deleted or written.
pub(super) type Change<'a> = RwLockWriteGuard<'a, ()>;

impl Fills {
    pub(super) fn begin(&self, key: &Key) -> Fill {
        self.used.store(true, Ordering::SeqCst);
        let mut records = self.records();
        let record =
            records.entry(key.clone()).or_insert_with(|| Record { nonce: fastrand::u64(..), holders: 0 });
        record.holders += 1;
        Fill(record.nonce)
    }

    pub(super) fn end(&self, key: &Key, fill: Fill) {
        let mut records = self.records();
        if let Some(record) = records.get_mut(key).filter(|record| record.nonce == fill.0) {
            record.holders -= 1;
            if record.holders == 0 {
                records.remove(key);
            }
        }
    }

    /// The way to store under a right, if it stands.
    pub(super) async fn fill(&self, key: &Key, fill: Fill) -> Option<RwLockReadGuard<'_, ()>> {
        let gate = self.gate(key).read().await;
        let stands = self.records().get(key).is_some_and(|record| record.nonce == fill.0);
        stands.then_some(gate)
    }

    /// The way to delete or write a key; ends every right to fill it.
    pub(super) async fn change(&self, key: &Key) -> Option<Change<'_>> {
        let gate = if self.is_used() { Some(self.gate(key).write().await) } else { None };
        self.drop_key(key);
        gate
    }

    /// The same for several keys, for those that match, or for all.
    pub(super) async fn change_where(&self, goes: impl Fn(&Key) -> bool) -> Vec<Change<'_>> {
        let mut gates = Vec::new();
        if self.is_used() {
            // In one order for everybody, so that two of these cannot block each other.
            for gate in &self.gates {
                gates.push(gate.write().await);
            }
        }
        self.records().retain(|key, _| !goes(key));
        self.lasts.forget_where(&goes);
        self.asides.forget_where(&goes);
        gates
    }

    /// The same for every key that matches.
    pub(super) async fn change_match(&self, pattern: &Pattern) -> Vec<Change<'_>> {
        self.change_where(|key| pattern.matches(key.as_str())).await
    }

    /// Ends every right to fill the key.
    pub(super) fn drop_key(&self, key: &Key) {
        self.records().remove(key);
        self.lasts.forget(key);
        self.asides.forget(key);
    }

    /// Whether a right was ever taken here.
    fn is_used(&self) -> bool {
        self.used.load(Ordering::SeqCst)
    }

    /// Whether anything is known here of a key, so that its spelling matters.
    pub(super) fn knows(&self) -> bool {
        self.is_used() || self.lasts.is_used() || self.asides.is_used()
    }

    fn gate(&self, key: &Key) -> &RwLock<()> {
        &self.gates[(key.hash() >> 60) as usize % GATES]
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_right_ends_with_a_deletion_or_its_last_holder() {
        let (fills, key) = (Fills::default(), Key::from("k"));
        let (first, joined) = (fills.begin(&key), fills.begin(&key));
        assert_eq!(first, joined);
        fills.end(&key, first);
        assert!(fills.fill(&key, joined).await.is_some());
        drop(fills.change(&key).await);
        assert!(fills.fill(&key, joined).await.is_none());
        let fresh = fills.begin(&key);
        assert_ne!(fresh, joined);
        fills.end(&key, joined);
        assert!(fills.fill(&key, fresh).await.is_some(), "an old holder ended a new right");
        fills.end(&key, fresh);
        assert!(fills.records().is_empty());
    }
}
