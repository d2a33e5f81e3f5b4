//! What the flat map holds under a key.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use cache_core::{Entry, Key, KeyRef, Time};
use papaya::Equivalent;

/// Hits that moka hears of one by one, and of later hits one in how many (a power of two).
///
/// A hot entry's hits then write nothing that is shared. The price, measured on 400,000 calls of Zipf 0.9 at
/// 1,000 of 20,000 keys: 0.75 points of hit ratio less than telling every hit (8 and 16 cost 1.9).
const EAGER_HITS: u8 = 32;
const SAMPLE: u32 = 32;

/// An entry in its place. Replaced, never changed, but for its heat.
pub(crate) struct Slot {
    pub(crate) entry: Arc<Entry>,
    /// Where the expiry index has it.
    pub(crate) seat: Seat,
    /// What moka counts for it.
    pub(crate) weight: u32,
    heat: Heat,
}

/// A place in the expiry index: the time it was indexed under, and a number that tells equal times apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    pub(crate) due: Time,
    pub(crate) number: u64,
}

impl Slot {
    /// Takes the place of `before`, whose key is as hot as it was.
    pub(crate) fn new(entry: Arc<Entry>, seat: Seat, weight: u32, before: Option<&Self>) -> Self {
        let hits = before.map_or(0, |slot| slot.heat.0.load(Ordering::Relaxed));
        Self { entry, seat, weight, heat: Heat(AtomicU8::new(hits)) }
    }

    /// Counts a hit; whether moka should hear of it.
    #[inline]
    pub(crate) fn hit(&self) -> bool {
        self.heat.hit()
    }
}

/// Hits so far, up to [`EAGER_HITS`]. Two hits at once may count as one.
struct Heat(AtomicU8);

impl Heat {
    #[inline]
    fn hit(&self) -> bool {
        let hits = self.0.load(Ordering::Relaxed);
        if hits < EAGER_HITS {
            self.0.store(hits + 1, Ordering::Relaxed);
            return true;
        }
        draw().is_multiple_of(SAMPLE)
    }
}

/// A random number of this thread (xorshift). Random, since a counter could beat in time with a loop.
#[inline]
fn draw() -> u32 {
    thread_local!(static STATE: Cell<u32> = const { Cell::new(0x9E37_79B9) });
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        // The low bits are the weakest.
        x >> 16
    })
}

/// A lent key, to look up by without making a [`Key`].
#[derive(Clone, Copy, Hash)]
pub(crate) struct Lent<'a>(pub(crate) KeyRef<'a>);

impl Equivalent<Key> for Lent<'_> {
    #[inline]
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.as_key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hits_are_told_and_then_a_sample() {
        let heat = Heat(AtomicU8::new(0));
        assert!((0..EAGER_HITS).all(|_| heat.hit()));
        let told = (0..32_000).filter(|_| heat.hit()).count();
        assert!((800..1_200).contains(&told), "{told} of 32,000");
    }

    #[test]
    fn a_lent_key_finds_what_a_kept_one_would() {
        let map = papaya::HashMap::with_hasher(cache_core::PrehashedState);
        map.pin().insert(Key::from("user:7"), 7);
        assert_eq!(map.pin().get(&Lent(KeyRef::new("user:7"))), Some(&7));
        assert_eq!(map.pin().get(&Lent(KeyRef::new("user:8"))), None);
    }
}
