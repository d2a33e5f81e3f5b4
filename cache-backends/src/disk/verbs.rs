//! The verbs of a backend, shard by shard.

use std::sync::{Arc, Weak};

use cache_core::{
    Entry, Error, Fill, Increment, Key, Pattern, Result, SetOptions, Stamp, Step, Time, Transition,
};

use super::desk::{Desk, kept};
use super::fault::Fault;
use super::fills::Rights;
use super::job::{Unwanted, in_parts, whole};
use super::patterns::Walk;
use super::shard::{Shard, Side};
use super::stamps;
use super::store::Store;

/// How often a state may be found changed by another process; each time that one has got on.
const ROUNDS: usize = 1_000;

/// The shard that knows the tags.
const TAGS: usize = 0;

/// What is to be stored belongs to the caller who waits: a job whose caller has left must not keep a value in memory for as
/// long as a disk hangs. Nobody hears what is answered then.
fn with<V: ?Sized, T: Default>(
    value: &Weak<V>,
    store: impl FnOnce(&V) -> Result<T, Fault>,
) -> Result<T, Fault> {
    value.upgrade().map_or_else(|| Ok(T::default()), |value| store(&value))
}

impl Store {
    // ── Entries ──

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Arc<Entry>>> {
        let (index, key) = (self.index_of(key), key.clone());
        self.read(index, move |desk| desk.get(&key)).await
    }

    pub(super) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Entry>>>> {
        let sorted = self.sorted(keys.iter().cloned().enumerate(), |(_, key)| key);
        let asked = sorted.into_iter().map(|(index, keys)| {
            let look = whole(Unwanted::Skip, move |desk| {
                keys.iter().map(|(at, key)| Ok((*at, desk.get(key)?))).collect::<Result<Vec<_>, _>>()
            });
            self.ask(index, Side::Read, look)
        });
        let mut entries: Vec<_> = keys.iter().map(|_| None).collect();
        for (at, entry) in Self::gather(asked.collect()).await?.into_iter().flatten() {
            if let Some(place) = entries.get_mut(at) {
                *place = entry;
            }
        }
        Ok(entries)
    }

    pub(super) async fn set(&self, key: &Key, entry: Arc<Entry>, options: SetOptions) -> Result<bool> {
        let (index, text, put) = (self.index_of(key), key.clone(), Arc::downgrade(&entry));
        let store = move |desk: &Desk<'_>| with(&put, |entry| desk.set(&text, entry, options));
        let is_stored = self.write(index, store).await?;
        if is_stored {
            self.carried(index, [&*entry]);
        }
        Ok(is_stored)
    }

    pub(super) async fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> Result<()> {
        let sorted = self.sorted(entries, |(key, _)| key).into_iter();
        let sorted: Vec<_> = sorted.map(|(index, entries)| (index, Arc::new(entries))).collect();
        let asked = sorted.iter().map(|(index, entries)| {
            self.carried(*index, entries.iter().map(|(_, entry)| &**entry));
            let put = Arc::downgrade(entries);
            let store = move |desk: &Desk<'_>| with(&put, |entries| desk.set_many(entries));
            self.ask(*index, Side::Write, whole(Unwanted::Skip, store))
        });
        let asked = asked.collect();
        Self::gather(asked).await.map(drop)
    }

    pub(super) async fn compare_and_set(
        &self,
        key: &Key,
        expected: &Entry,
        entry: Arc<Entry>,
        rights: Rights,
    ) -> Result<bool> {
        let (index, text, put) = (self.index_of(key), key.clone(), Arc::downgrade(&entry));
        // A copy that can be shared: of bytes those are compared, of a number also which write it is of.
        let expected = match (expected.encoded(), expected.downcast_ref::<i64>()) {
            (Some(bytes), _) => Entry::new(cache_core::Encoded(bytes.clone()), expected.meta()),
            (None, Some(number)) => Entry::new(*number, expected.meta()),
            (None, None) => return Ok(false),
        };
        let seen = Arc::downgrade(&expected);
        let replace = move |desk: &Desk<'_>| {
            with(&seen, |expected| with(&put, |entry| desk.compare_and_set(&text, expected, entry, rights)))
        };
        let is_stored = self.write(index, replace).await?;
        if is_stored {
            self.carried(index, [&*entry]);
        }
        Ok(is_stored)
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<bool> {
        let (index, key) = (self.index_of(key), key.clone());
        self.remove(index, move |desk| desk.delete(key.as_str().as_bytes())).await
    }

    pub(super) async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        let asked = self.sorted(keys.iter().cloned(), |key| key).into_iter().map(|(index, keys)| {
            let remove = whole(Unwanted::Finish, move |desk| {
                keys.iter().try_fold(0, |sum, key| Ok(sum + u64::from(desk.delete(key.as_str().as_bytes())?)))
            });
            self.ask(index, Side::Write, remove)
        });
        let asked = asked.collect();
        Ok(Self::gather(asked).await?.into_iter().sum())
    }

    pub(super) async fn expire(&self, key: &Key, expires: Time) -> Result<bool> {
        let (index, key) = (self.index_of(key), key.clone());
        let moved = self.write(index, move |desk| desk.expire(key.as_str().as_bytes(), expires)).await?;
        if let Some(stamps) = moved.as_deref().filter(|stamps| index != TAGS && !stamps.is_empty()) {
            self.prolong(vec![(stamps.to_vec(), kept(self.moment().wall_of(expires)))]);
        }
        Ok(moved.is_some())
    }

    pub(super) async fn increment(&self, key: &Key, step: Increment) -> Result<i64> {
        let (index, key) = (self.index_of(key), key.clone());
        self.write(index, move |desk| desk.increment(key.as_str().as_bytes(), step)).await
    }

    pub(super) async fn size_of(&self, key: &Key) -> Result<Option<u64>> {
        let (index, key) = (self.index_of(key), key.clone());
        self.read(index, move |desk| desk.size_of(key.as_str().as_bytes())).await
    }

    // ── All of them ──

    pub(super) async fn scan(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        let asked = (0..self.shards().len()).map(|index| {
            let mut walk = Walk::along(pattern);
            self.ask(index, Side::Read, in_parts(Unwanted::Skip, move |desk| desk.scan(&mut walk)))
        });
        let asked = asked.collect();
        Ok(Self::gather(asked).await?.concat())
    }

    pub(super) async fn delete_match(&self, pattern: &Pattern) -> Result<u64> {
        let asked = (0..self.shards().len()).map(|index| {
            let mut walk = Walk::along(pattern);
            self.ask(index, Side::Write, in_parts(Unwanted::Finish, move |desk| desk.delete_match(&mut walk)))
        });
        let asked = asked.collect();
        Ok(Self::gather(asked).await?.into_iter().sum())
    }

    pub(super) async fn clear(&self) -> Result<()> {
        let all = 0..self.shards().len();
        let asked = all.map(|index| {
            self.ask(
                index,
                Side::Write,
                whole(Unwanted::Finish, |desk| {
                    desk.clear()?;
                    Ok(())
                }),
            )
        });
        let asked = asked.collect();
        Self::gather(asked).await.map(drop)
    }

    /// How many expired entries were taken out.
    pub(super) async fn purge(&self) -> Result<u64> {
        let all = 0..self.shards().len();
        let asked = all.map(|index| {
            let mut purged = 0;
            self.ask(index, Side::Write, in_parts(Unwanted::Finish, move |desk| desk.purge(&mut purged)))
        });
        let asked = asked.collect();
        Ok(Self::gather(asked).await?.into_iter().sum())
    }

    /// Whether every shard answers.
    pub(super) async fn ping(&self) -> Result<()> {
        let all = 0..self.shards().len();
        let asked = all.map(|index| self.ask(index, Side::Read, whole(Unwanted::Skip, |_| Ok(()))));
        let asked = asked.collect();
        Self::gather(asked).await.map(drop)
    }

    pub(super) async fn close(&self) {
        for shard in self.shards() {
            shard.close().await;
        }
    }

    // ── Rights and states ──

    pub(super) async fn begin_fill(&self, key: &Key) -> Result<Fill> {
        let (index, key) = (self.index_of(key), key.clone());
        self.write(index, move |desk| desk.begin_fill(key.as_str().as_bytes())).await
    }

    /// Not waited for; one that does not arrive is given back by time. So a destructor opens nothing that was closed.
    pub(super) fn end_fill(&self, key: &Key, fill: Fill) {
        let (index, key) = (self.index_of(key), key.clone());
        if !self.shard(index).is_ok_and(Shard::is_open) {
            return;
        }
        let give_back = whole(Unwanted::Finish, move |desk| desk.end_fill(key.as_str().as_bytes(), fill));
        let _ = self.ask(index, Side::Write, give_back);
    }

    /// The step is taken where it is asked for, on what is read, and stored if that is still there: a thread cannot
    /// borrow it from the caller. It is told wall time, which is the time of all processes and of the next boot.
    pub(super) async fn update(&self, key: &Key, change: &mut dyn Transition) -> Result<()> {
        let index = self.index_of(key);
        let _turn = self.shard(index)?.turn(key).await;
        for _ in 0..ROUNDS {
            let text = key.clone();
            let seen = self.read(index, move |desk| desk.state(text.as_str().as_bytes())).await?;
            let next = match change.step(seen.as_deref(), Time::from_nanos(self.moment().wall)) {
                Step::Keep => return Ok(()),
                Step::Put(state, until) => Some((state, until.as_nanos())),
                Step::Remove => None,
            };
            let text = key.clone();
            let replace = move |desk: &Desk<'_>| desk.replace_state(&text, seen.as_deref(), next.as_ref());
            if self.write(index, replace).await? {
                return Ok(());
            }
        }
        Err(Error::backend(format_args!(
            "a state was changed by others {ROUNDS} times while it was looked at"
        )))
    }

    // ── Tags ──

    pub(super) async fn stamp(&self, tags: &[Key]) -> Result<Vec<Stamp>> {
        let names = tags.to_vec();
        let mut nonces = self.read(TAGS, move |desk| desk.held(&names)).await?;
        if nonces.is_none() {
            let names = tags.to_vec();
            nonces = Some(self.write(TAGS, move |desk| desk.stamp(&names)).await?);
        }
        let nonces = nonces.into_iter().flatten();
        Ok(tags.iter().cloned().zip(nonces).map(|(tag, nonce)| Stamp::new(tag, nonce)).collect())
    }

    pub(super) async fn generations(&self, tags: &[Key]) -> Result<Vec<Option<u64>>> {
        let tags = tags.to_vec();
        self.read(TAGS, move |desk| desk.generations(&tags)).await
    }

    pub(super) async fn delete_tags(&self, tags: &[Key]) -> Result<()> {
        let tags = tags.to_vec();
        self.remove(TAGS, move |desk| desk.end_generations(&tags)).await
    }

    /// Has the generations kept that entries of another shard carry. They are for an hour in any case, so this need not
    /// be waited for.
    fn carried<'e, I: IntoIterator<Item = &'e Entry>>(&self, index: usize, entries: I) {
        if index == TAGS {
            return;
        }
        let moment = self.moment();
        let carried = entries.into_iter().filter_map(|entry| {
            Some((stamps::write(entry.stamps())?, kept(moment.wall_of(entry.expires()))))
        });
        self.prolong(carried.collect());
    }

    fn prolong(&self, carried: Vec<(Vec<u8>, i64)>) {
        if carried.is_empty() {
            return;
        }
        let prolong = whole(Unwanted::Finish, move |desk| {
            carried.iter().try_for_each(|(stamps, until)| desk.prolong(stamps, *until))
        });
        let _ = self.ask(TAGS, Side::Write, prolong);
    }
}
