//! The entries themselves: a flat map that answers reads without a lock, and stripes of locks for writers.
//!
//! What must hold, and does because only [`Row`] changes the map:
//!
//! - a slot is changed under the stripe of its key, so every verb is atomic for its key;
//! - the expiry index has exactly the seats of the slots in the map;
//! - `used` is the sum of the weights in the map;
//! - an entry is dead once it has left the map, whatever the reason; of [copies](Shelf::of_copies) others hold more,
//!   and those go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache_core::{Entry, Key, PrehashedState, Time};

use super::slot::{Lent, Slot};
use super::stripe::Stripe;

/// A power of two. Enough that writers of different keys seldom meet.
pub(crate) const STRIPES: usize = 64;

/// The stripe of a key with this hash. Not by the lowest bits of the hash nor the highest: tables use those.
pub(crate) const fn stripe_of(hash: u64) -> usize {
    (hash >> 32) as usize % STRIPES
}

pub(crate) struct Shelf {
    map: papaya::HashMap<Key, Slot, PrehashedState>,
    stripes: [Mutex<Stripe>; STRIPES],
    used: AtomicU64,
    has_copies: bool,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self {
            map: papaya::HashMap::with_hasher(PrehashedState),
            stripes: std::array::from_fn(|_| Mutex::default()),
            used: AtomicU64::new(0),
            has_copies: false,
        }
    }

    /// For entries of another backend: one that leaves here is there all the same.
    #[cfg(feature = "redis")]
    pub(crate) fn of_copies() -> Self {
        Self { has_copies: true, ..Self::new() }
    }

    /// Looks without a lock.
    #[inline]
    pub(crate) fn read<R>(&self, key: Lent<'_>, read: impl FnOnce(&Slot) -> R) -> Option<R> {
        self.map.pin().get(&key).map(read)
    }

    /// Locks the key's stripe. Never call moka while holding it: moka's eviction listener locks stripes.
    pub(crate) fn row(&self, key: &Key) -> Row<'_> {
        self.row_at(stripe_of(key.hash()))
    }

    /// Locks a stripe by its number, below [`STRIPES`].
    pub(crate) fn row_at(&self, stripe: usize) -> Row<'_> {
        let stripe = self.stripes[stripe % STRIPES].lock().unwrap_or_else(PoisonError::into_inner);
        Row { shelf: self, stripe }
    }

    /// The keys of the slots that are `wanted`. Sees what is there from before to after; not a snapshot.
    pub(crate) fn keys(&self, wanted: impl Fn(&Key, &Slot) -> bool) -> Vec<Key> {
        let map = self.map.pin();
        map.iter().filter(|(key, slot)| wanted(key, slot)).map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// The sum of the weights.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// A locked stripe: the way to change what is on the shelf.
pub(crate) struct Row<'a> {
    shelf: &'a Shelf,
    pub(crate) stripe: MutexGuard<'a, Stripe>,
}

impl Row<'_> {
    /// The key's entry, unless it is expired.
    pub(crate) fn living(&self, key: &Key, now: Time) -> Option<Arc<Entry>> {
        let map = self.shelf.map.pin();
        map.get(key).filter(|slot| slot.entry.is_alive_at(now)).map(|slot| Arc::clone(&slot.entry))
    }

    /// Puts an entry in its place, or puts it anew after its expiry was moved. Tells whether moka must hear
    /// of it: the key is new, or weighs something else.
    pub(crate) fn place(&mut self, key: &Key, entry: &Arc<Entry>, weight: u32) -> bool {
        let map = self.shelf.map.pin();
        let before = map.get(key);
        let seat = self.stripe.seat(key, entry.expires());
        self.shelf.used.fetch_add(u64::from(weight), Ordering::Relaxed);
        map.insert(key.clone(), Slot::new(Arc::clone(entry), seat, weight, before));
        let Some(before) = before else { return true };
        self.stripe.unseat(before.seat);
        self.shelf.used.fetch_sub(u64::from(before.weight), Ordering::Relaxed);
        if !self.shelf.has_copies && !Arc::ptr_eq(&before.entry, entry) {
            before.entry.kill();
        }
        before.weight != weight
    }

    /// Takes the key's entry away; tells whether it was alive.
    pub(crate) fn take(&mut self, key: &Key, now: Time) -> Option<bool> {
        let map = self.shelf.map.pin();
        let slot = map.remove(key)?;
        self.stripe.unseat(slot.seat);
        self.shelf.used.fetch_sub(u64::from(slot.weight), Ordering::Relaxed);
        let living = slot.entry.is_alive_at(now);
        if !self.shelf.has_copies {
            slot.entry.kill();
        }
        Some(living)
    }

    /// Takes entries away whose time has come, at most `limit`.
    pub(crate) fn take_due(&mut self, now: Time, limit: usize) -> Vec<Key> {
        let mut gone = Vec::new();
        while gone.len() < limit {
            let Some(key) = self.stripe.next_due(now) else { break };
            self.take(&key, now);
            gone.push(key);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::tests::entry_until;
    use std::time::Duration;

    #[test]
    fn rewriting_and_removing_leave_nothing_behind() {
        let (shelf, key) = (Shelf::new(), Key::from("k"));
        for i in 1..100_000 {
            let due = Time::ORIGIN.after(Duration::from_secs(i % 7 + 1));
            assert_eq!(shelf.row(&key).place(&key, &entry_until(due), 3), i == 1);
        }
        assert_eq!((shelf.len(), shelf.used()), (1, 3));
        assert_eq!(shelf.row(&key).stripe.sizes(), (0, 1));
        assert!(shelf.row(&key).take(&key, Time::ORIGIN).is_some());
        assert_eq!((shelf.len(), shelf.used()), (0, 0));
        assert_eq!(shelf.row(&key).stripe.sizes(), (0, 0));
    }

    #[test]
    fn what_leaves_is_dead_and_what_is_put_anew_is_not() {
        let (shelf, key, now) = (Shelf::new(), Key::from("k"), Time::from_nanos(1));
        let (first, second) = (entry_until(Time::NEVER), entry_until(Time::NEVER));
        let mut row = shelf.row(&key);
        row.place(&key, &first, 1);
        row.place(&key, &first, 1);
        assert!(first.is_alive_at(now));
        row.place(&key, &second, 1);
        assert!(!first.is_alive_at(now) && second.is_alive_at(now));
        assert_eq!(row.take(&key, now), Some(true));
        assert!(!second.is_alive_at(now));
    }

    #[test]
    fn only_what_is_due_is_taken_and_no_more_than_asked() {
        let shelf = Shelf::new();
        let keys: Vec<_> = (0..2_000).map(|i| Key::from(format!("k{i}"))).collect();
        for (key, i) in keys.iter().zip(1..) {
            shelf.row(key).place(key, &entry_until(Time::from_nanos(i)), 1);
        }
        let take = |now, limit| {
            (0..STRIPES)
                .map(|at| shelf.row_at(at).take_due(Time::from_nanos(now), limit).len())
                .sum::<usize>()
        };
        let first = take(1_000, 1);
        assert!(first > STRIPES / 2 && first <= STRIPES, "{first}: one of each stripe that has any");
        assert_eq!(take(1_000, usize::MAX), 1_000 - first);
        assert_eq!((take(1_000, usize::MAX), shelf.len()), (0, 1_000));
    }
}
