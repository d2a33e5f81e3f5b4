//! Generations of tags that are known to stand until the server tells otherwise.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_core::{Generation, Key, PrehashedState, Stamp};

const SHARDS: usize = 16;

/// A shard with fewer records is not worth sweeping.
const SMALL: usize = 64;

#[derive(Default)]
pub(super) struct Tags {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    /// The server's number of each, and what ends all entries that carry it.
    generations: HashMap<Key, (u64, Generation), PrehashedState>,
    /// With how many records those are thrown out that no entry carries.
    sweep_at: usize,
}

impl Tags {
    /// The generation was read; `stands` is asked while nobody else can end it.
    pub(super) fn know(&self, tag: &Key, nonce: Option<u64>, stands: impl FnOnce() -> bool) {
        let mut shard = self.shard(tag);
        if !stands() {
            return;
        }
        if let (Some((known, _)), Some(nonce)) = (shard.generations.get(tag), nonce)
            && *known == nonce
        {
            return;
        }
        shard.end(tag);
        let Some(nonce) = nonce else { return };
        if shard.generations.len() > shard.sweep_at.max(SMALL) {
            shard.generations.retain(|_, (_, generation)| generation.is_carried());
            shard.sweep_at = shard.generations.len() * 2;
        }
        shard.generations.insert(tag.clone(), (nonce, Generation::of(nonce)));
    }

    /// A stamp of this generation, if it is the one that stands.
    pub(super) fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        let shard = self.shard(tag);
        let (known, generation) = shard.generations.get(tag)?;
        (*known == nonce).then(|| Stamp::live(tag.clone(), generation))
    }

    pub(super) fn end(&self, tag: &Key) {
        self.shard(tag).end(tag);
    }

    pub(super) fn end_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.generations.drain().for_each(|(_, (_, generation))| generation.end());
        }
    }

    fn shard(&self, tag: &Key) -> MutexGuard<'_, Shard> {
        let at = (tag.hash() >> 40) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn end(&mut self, tag: &Key) {
        if let Some((_, generation)) = self.generations.remove(tag) {
            generation.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_generation_that_stands_has_a_stamp() {
        let (tags, tag) = (Tags::default(), Key::from("red"));
        assert!(tags.stamp(&tag, 7).is_none());
        tags.know(&tag, Some(7), || false);
        assert!(tags.stamp(&tag, 7).is_none(), "it changed while it was read");
        tags.know(&tag, Some(7), || true);
        assert!(tags.stamp(&tag, 7).is_some() && tags.stamp(&tag, 8).is_none());
        tags.know(&tag, Some(8), || true);
        assert!(tags.stamp(&tag, 7).is_none() && tags.stamp(&tag, 8).is_some());
        tags.know(&tag, None, || true);
        assert!(tags.stamp(&tag, 8).is_none());
    }

    #[test]
    fn generations_that_nobody_carries_take_no_room() {
        let tags = Tags::default();
        tags.know(&Key::from("kept"), Some(1), || true);
        let kept = tags.stamp(&Key::from("kept"), 1);
        for i in 0..100_000 {
            tags.know(&Key::from(format!("tag{i}")), Some(1), || true);
        }
        let len: usize = tags.shards.iter().map(|shard| shard.lock().unwrap().generations.len()).sum();
        assert!(len <= SHARDS * (SMALL + 2), "{len} records");
        assert!(kept.is_some() && tags.stamp(&Key::from("kept"), 1).is_some());
    }
}
