//! The generations of tags. One is kept as long as an entry or a computation carries it, so there are never more
//! than those have tags: nothing is evicted, and what nobody carries takes no room.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_core::{Generation, Key, PrehashedState, Stamp};

const SHARDS: usize = 16;
/// A shard with fewer records is not worth sweeping.
const SMALL: usize = 64;

pub(crate) struct Tags {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    generations: HashMap<Key, Generation, PrehashedState>,
    /// With how many records the ones nobody carries are thrown out; twice what the last sweep left, so that
    /// sweeping costs each stamp a constant.
    sweep_at: usize,
}

impl Tags {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// The generation as it stands, begun if there is none.
    pub(crate) fn stamp(&self, tag: &Key) -> Stamp {
        let mut shard = self.shard(tag);
        // Carried while the lock is held, so that no sweep comes between.
        let stamp =
            Stamp::live(tag.clone(), shard.generations.entry(tag.clone()).or_insert_with(Generation::new));
        if shard.generations.len() > shard.sweep_at.max(SMALL) {
            shard.generations.retain(|_, generation| generation.is_carried());
            shard.sweep_at = shard.generations.len() * 2;
        }
        stamp
    }

    /// Ends the generation.
    pub(crate) fn end(&self, tag: &Key) {
        if let Some(generation) = self.shard(tag).generations.remove(tag) {
            generation.end();
        }
    }

    fn shard(&self, tag: &Key) -> MutexGuard<'_, Shard> {
        let shard = (tag.hash() >> 40) as usize % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let len =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).generations.len();
        self.shards.iter().map(len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_nobody_carries_take_no_room() {
        let tags = Tags::new();
        let kept = tags.stamp(&Key::from("kept"));
        for i in 0..100_000 {
            tags.stamp(&Key::from(format!("tag{i}")));
        }
        assert!(tags.len() <= SHARDS * (SMALL + 1), "{} records", tags.len());
        assert_eq!(tags.stamp(&Key::from("kept")).nonce(), kept.nonce(), "a carried generation was lost");
    }

    #[test]
    fn a_generation_never_comes_back() {
        let (tags, tag) = (Tags::new(), Key::from("users"));
        let first = tags.stamp(&tag);
        tags.end(&tag);
        assert_ne!(tags.stamp(&tag).nonce(), first.nonce());
    }
}
