//! Rights to store what is being computed, for backends that keep none themselves.
//!
//! A right is a fresh nonce that exists only while somebody computes the key. Whatever deletes or writes the
//! key drops it, and a store whose nonce is gone is refused: a value computed from older data cannot come
//! after the deletion. No record stays behind for a key nobody computes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::backend::Fill;
use crate::key::{Key, PrehashedState};
use crate::pattern::Pattern;

type Records = HashMap<Key, Record, PrehashedState>;

/// The rights of one route in this process.
#[derive(Default)]
pub(super) struct Fills(Mutex<Records>);

struct Record {
    nonce: u64,
    holders: usize,
}

impl Fills {
    pub(super) fn begin(&self, key: &Key) -> Fill {
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

    pub(super) fn stands(&self, key: &Key, fill: Fill) -> bool {
        self.records().get(key).is_some_and(|record| record.nonce == fill.0)
    }

    pub(super) fn drop_key(&self, key: &Key) {
        self.records().remove(key);
    }

    pub(super) fn drop_match(&self, pattern: &Pattern) {
        self.records().retain(|key, _| !pattern.matches(key.as_str()));
    }

    pub(super) fn drop_all(&self) {
        self.records().clear();
    }

    fn records(&self) -> std::sync::MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_ends_with_a_deletion_or_its_last_holder() {
        let (fills, key) = (Fills::default(), Key::from("k"));
        let (first, joined) = (fills.begin(&key), fills.begin(&key));
        assert_eq!(first, joined);
        fills.end(&key, first);
        assert!(fills.stands(&key, joined));
        fills.drop_key(&key);
        assert!(!fills.stands(&key, joined));
        let fresh = fills.begin(&key);
        assert_ne!(fresh, joined);
        fills.end(&key, joined);
        assert!(fills.stands(&key, fresh), "an old holder ended a new right");
        fills.end(&key, fresh);
        assert!(fills.records().is_empty());
    }
}
