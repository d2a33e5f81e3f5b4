//! Small states that are no entries: locks, limits, breakers. Never evicted; gone when their time is over.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_core::{Key, KeyRef, PrehashedState, Step, Time, Transition};

const SHARDS: usize = 16;

type States = HashMap<Key, (Vec<u8>, Time), PrehashedState>;

pub(crate) struct Guards {
    shards: [Mutex<States>; SHARDS],
}

impl Guards {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// One step of the key's state.
    pub(crate) fn update(&self, key: KeyRef<'_>, now: Time, change: &mut dyn Transition) {
        let mut states = self.shard(key.hash());
        let key: &dyn Named = &key;
        let mut known = states.get_mut(key);
        let living = known.as_ref().filter(|(_, until)| *until > now).map(|(state, _)| state.as_slice());
        match change.step(living, now) {
            Step::Keep => {}
            Step::Put(state, until) => match &mut known {
                Some((bytes, end)) => {
                    // Kept where it is: what the step allocated is given back at once, which is cheap.
                    bytes.clear();
                    bytes.extend_from_slice(&state);
                    *end = until;
                }
                None => drop(states.insert(key.name().to_key(), (state, until))),
            },
            Step::Remove => drop(states.remove(key)),
        }
    }

    /// Whether the key had a state.
    pub(crate) fn remove(&self, key: &Key, now: Time) -> bool {
        self.shard(key.hash()).remove(key).is_some_and(|(_, until)| until > now)
    }

    /// Removes the states whose keys are `wanted`; tells how many there were.
    pub(crate) fn remove_where(&self, now: Time, wanted: impl Fn(&Key) -> bool) -> u64 {
        let mut removed = 0;
        for shard in &self.shards {
            lock(shard).retain(|key, (_, until)| {
                let goes = wanted(key);
                removed += u64::from(goes && *until > now);
                !goes
            });
        }
        removed
    }

    /// The keys that have a state and are `wanted`.
    pub(crate) fn keys(&self, now: Time, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let mut keys = Vec::new();
        for shard in &self.shards {
            let states = lock(shard);
            keys.extend(
                states
                    .iter()
                    .filter(|(key, (_, until))| *until > now && wanted(key))
                    .map(|(key, _)| key.clone()),
            );
        }
        keys
    }

    /// Throws out what is over, in one of the shards; call it with every number below `of`.
    pub(crate) fn purge(&self, part: usize, of: usize, now: Time) {
        for shard in self.shards.iter().skip(part).step_by(of) {
            lock(shard).retain(|_, (_, until)| *until > now);
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, States> {
        lock(&self.shards[(hash >> 40) as usize % SHARDS])
    }
}

/// By what a state is found: a key that is lent suffices.
trait Named {
    fn name(&self) -> KeyRef<'_>;
}

impl Named for KeyRef<'_> {
    fn name(&self) -> KeyRef<'_> {
        *self
    }
}

impl Named for Key {
    fn name(&self) -> KeyRef<'_> {
        self.as_key()
    }
}

impl<'k> Borrow<dyn Named + 'k> for Key {
    fn borrow(&self) -> &(dyn Named + 'k) {
        self
    }
}

impl PartialEq for dyn Named + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Named + '_ {}

impl Hash for dyn Named + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.name().hash());
    }
}

fn lock(shard: &Mutex<States>) -> MutexGuard<'_, States> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often it was asked, and keeps the count as the state.
    struct Count(u8);

    impl Transition for Count {
        fn name(&self) -> &'static str {
            "count"
        }

        fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
            self.0 = state.map_or(0, |state| state[0]) + 1;
            Step::Put(vec![self.0], now.after(std::time::Duration::from_secs(1)))
        }
    }

    #[test]
    fn a_state_is_changed_in_place_until_its_time_is_over() {
        let (guards, key, mut count) = (Guards::new(), Key::from("lock:k"), Count(0));
        let start = Time::from_nanos(1);
        for expected in 1..=3 {
            guards.update(key.as_key(), start, &mut count);
            assert_eq!(count.0, expected);
        }
        let later = start.after(std::time::Duration::from_secs(1));
        assert_eq!(guards.keys(start, |_| true), std::slice::from_ref(&key));
        assert_eq!(guards.keys(later, |_| true), [] as [Key; 0]);
        guards.update(key.as_key(), later, &mut count);
        assert_eq!(count.0, 1);
    }

    #[test]
    fn what_is_over_is_thrown_out_unasked() {
        let guards = Guards::new();
        for i in 0..1000 {
            guards.update(KeyRef::new(&format!("lock:{i}")), Time::from_nanos(1), &mut Count(0));
        }
        (0..3).for_each(|part| guards.purge(part, 3, Time::NEVER));
        assert!(guards.shards.iter().all(|shard| lock(shard).is_empty()));
    }
}
