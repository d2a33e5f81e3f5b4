//! Who stays: moka decides (TinyLFU, by weight), the shelf answers.
//!
//! The invariant: **a key on the shelf has, or somebody is about to give it, an entry of its weight in moka.**
//! Otherwise it could stay for ever. The other way round is harmless: a key that only moka has is evicted in
//! its turn.
//!
//! It holds although the two are not changed together:
//!
//! - whoever puts a key on the shelf or takes it off calls [`settle`](Residents::settle) after it, which makes
//!   moka say what the shelf says. Only one at a time does so for a key, and looks at the shelf in its turn:
//!   so the last one tells moka what the last change was;
//! - when moka drops a key for its size, the listener takes it off the shelf, whatever entry is there now.
//!   An eviction is always legal. An entry put there after the listener ran is settled after it.
//!
//! moka runs the listener inside its own calls, and the listener locks the key's stripe: so moka is only ever
//! called with no stripe locked.
//!
//! An entry of moka never changes its weight: another weight is another entry. Where several threads update
//! one key, moka's sum of weights drifts (seen with 0.12.16), and a drift would stay.

use std::sync::{Arc, Mutex, PoisonError};

use cache_core::{Key, PrehashedState, Time};
use moka::notification::RemovalCause;

use super::limits::Limits;
use super::shelf::{STRIPES, Shelf, stripe_of};
use super::slot::Lent;

/// How often a writer over the bound asks moka to make room. What is still over then is being written by
/// others, who ask after it.
const ROUNDS: usize = 8;

pub(crate) struct Residents {
    /// Keys and their weights. No expiry: that is judged elsewhere.
    moka: moka::sync::Cache<Key, u32, PrehashedState>,
    /// Whose turn it is to speak to moka about the keys of a stripe.
    turns: [Mutex<()>; STRIPES],
    shelf: Arc<Shelf>,
    ceiling: u64,
}

impl Residents {
    pub(crate) fn new(limits: &Limits, shelf: &Arc<Shelf>) -> Self {
        let evicted_from = Arc::clone(shelf);
        let mut builder = moka::sync::Cache::builder().max_capacity(limits.capacity()).eviction_listener(
            move |key: Arc<Key>, _, cause| {
                if cause == RemovalCause::Size {
                    evicted_from.row(&key).take(&key, Time::ORIGIN);
                }
            },
        );
        if limits.bytes().is_some() {
            builder = builder.weigher(|_, weight| *weight);
        }
        Self {
            moka: builder.build_with_hasher(PrehashedState),
            turns: std::array::from_fn(|_| Mutex::default()),
            shelf: Arc::clone(shelf),
            ceiling: limits.ceiling(),
        }
    }

    /// Lets moka hear of a hit.
    #[inline]
    pub(crate) fn touch(&self, key: Lent<'_>) {
        self.moka.get(&key);
    }

    /// After a key was put on the shelf: moka counts it, and makes room.
    pub(crate) fn admit(&self, key: &Key) {
        self.settle(key);
        for _ in 0..ROUNDS {
            if self.shelf.used() <= self.ceiling {
                break;
            }
            self.moka.run_pending_tasks();
        }
    }

    /// After a key was put on the shelf or taken off: makes moka agree about it.
    pub(crate) fn settle(&self, key: &Key) {
        let _turn = self.turns[stripe_of(key.hash())].lock().unwrap_or_else(PoisonError::into_inner);
        let Some(weight) = self.shelf.read(Lent(key.as_key()), |slot| slot.weight) else {
            self.moka.invalidate(key);
            return;
        };
        match self.moka.get(key) {
            // An overwrite of the same weight is a mere access.
            Some(known) if known == weight => return,
            Some(_) => self.moka.invalidate(key),
            None => {}
        }
        self.moka.insert(key.clone(), weight);
    }

    #[cfg(test)]
    pub(crate) fn moka(&self) -> &moka::sync::Cache<Key, u32, PrehashedState> {
        &self.moka
    }
}
