//! How often keys have changed: counted by thousands of stripes, so that it takes the same room for any number of keys.

use std::sync::atomic::{AtomicU32, Ordering};

use cache_core::Mark;

/// A power of two. Of so many reads under way one is refused for the change of another key.
const STRIPES: usize = 4096;

/// The changes so far.
pub(super) struct Epochs {
    stripes: Box<[AtomicU32]>,
    /// Of all keys at once.
    era: AtomicU32,
}

impl Default for Epochs {
    fn default() -> Self {
        Self { stripes: (0..STRIPES).map(|_| AtomicU32::new(0)).collect(), era: AtomicU32::new(0) }
    }
}

impl Epochs {
    /// Both counts would have to come round during one read.
    pub(super) fn mark(&self, hash: u64) -> Mark {
        let stripe = self.stripe(hash).map_or(0, |stripe| stripe.load(Ordering::SeqCst));
        Mark(u64::from(self.era.load(Ordering::SeqCst)) << 32 | u64::from(stripe))
    }

    /// What has this hash has changed.
    pub(super) fn move_on(&self, hash: u64) {
        if let Some(stripe) = self.stripe(hash) {
            stripe.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Everything has, or may have.
    pub(super) fn move_all(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Not by the bits that the store's own stripes go by.
    fn stripe(&self, hash: u64) -> Option<&AtomicU32> {
        self.stripes.get((hash >> 12) as usize % STRIPES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_good_until_its_key_or_everything_changes() {
        let epochs = Epochs::default();
        let (one, other) = (1 << 12, 2 << 12);
        let marks = (epochs.mark(one), epochs.mark(other));
        epochs.move_on(one);
        assert_ne!(epochs.mark(one), marks.0);
        assert_eq!(epochs.mark(other), marks.1);
        epochs.move_all();
        assert_ne!(epochs.mark(other), marks.1);
    }
}
