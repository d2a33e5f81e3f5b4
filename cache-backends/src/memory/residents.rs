//! Who stays: moka decides (TinyLFU, by weight), the shelf answers.
//!
//! The invariant: **a key on the shelf has, or somebody is about to give it, an entry of its weight in moka.**
//! Otherwise it could stay for ever. The other way round is harmless: a key that only moka has is evicted in
//! its turn.
//!
//! It holds although the two are not changed together:
//!
//! - whoever puts a key on the shelf calls [`admit`](Residents::admit) after it, which looks at the shelf
//!   again after each word to moka, so the last word about a key is true;
//! - whoever takes a key off calls [`forget`](Residents::forget), which admits the key again if somebody put
//!   it back in between;
//! - when moka drops a key for its size, the listener takes it off the shelf, whatever entry is there now.
//!   An eviction is always legal. An entry put there after the listener ran is admitted after it.
//!
//! moka runs the listener inside its own calls, and the listener locks the key's stripe: so moka is only ever
//! called with no stripe locked.

use std::sync::Arc;

use cache_core::{Key, PrehashedState};
use moka::notification::RemovalCause;

use super::limits::Limits;
use super::shelf::Shelf;
use super::slot::Lent;

/// How often a writer over the bound asks moka to make room. What is still over then is being written by
/// others, who ask after it.
const ROUNDS: usize = 8;

pub(super) struct Residents {
    /// Keys and their weights. No expiry: that is judged elsewhere.
    moka: moka::sync::Cache<Key, u32, PrehashedState>,
    shelf: Arc<Shelf>,
    ceiling: u64,
}

impl Residents {
    pub(super) fn new(limits: &Limits, shelf: &Arc<Shelf>) -> Self {
        let evicted_from = Arc::clone(shelf);
        let mut builder = moka::sync::Cache::builder().max_capacity(limits.capacity()).eviction_listener(
            move |key: Arc<Key>, _, cause| {
                if cause == RemovalCause::Size {
                    evicted_from.row(&key).take(&key);
                }
            },
        );
        if limits.bytes().is_some() {
            builder = builder.weigher(|_, weight| *weight);
        }
        Self {
            moka: builder.build_with_hasher(PrehashedState),
            shelf: Arc::clone(shelf),
            ceiling: limits.ceiling(),
        }
    }

    /// Lets moka hear of a hit.
    #[inline]
    pub(super) fn touch(&self, key: Lent<'_>) {
        self.moka.get(&key);
    }

    /// After a key was put on the shelf: moka counts it, and makes room.
    pub(super) fn admit(&self, key: &Key) {
        self.settle(key);
        for _ in 0..ROUNDS {
            if self.shelf.used() <= self.ceiling {
                break;
            }
            self.moka.run_pending_tasks();
        }
    }

    /// After a key was taken off the shelf.
    pub(super) fn forget(&self, key: &Key) {
        self.moka.invalidate(key);
        self.settle(key);
    }

    /// Makes moka agree with the shelf about a key that is there.
    fn settle(&self, key: &Key) {
        let Some(mut weight) = self.weight(key) else { return };
        // An overwrite of the same weight is a mere access.
        if self.moka.get(key) == Some(weight) {
            return;
        }
        loop {
            self.moka.insert(key.clone(), weight);
            let Some(now) = self.weight(key).or_else(|| {
                // Taken off meanwhile, by somebody whose word to moka may have come before ours.
                self.moka.invalidate(key);
                self.weight(key)
            }) else {
                return;
            };
            if now == weight {
                return;
            }
            weight = now;
        }
    }

    fn weight(&self, key: &Key) -> Option<u32> {
        self.shelf.read(Lent(key.as_key()), |slot| slot.weight)
    }
}
