//! A server at the other end of a wire that is not there.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use self::store::Store;
use super::Listener;
use crate::backend::{Backend, Fill, Increment, SetIf, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Moment, SystemClock, Time};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;
use crate::pattern::Pattern;
use crate::sync::Mutex;
use crate::tag::Stamp;

mod store;
#[cfg(test)]
mod tests;
mod tracking;

pub(super) use tracking::{Change, Told};

/// What a remote server looks like to a cache, without one: for tests only.
///
/// It keeps bytes and an expiry, and forgets all else that an entry says; it cannot be peeked at; its [`Stamp`]s do not
/// know by themselves whether they hold, so the cache asks for `generations`; states are changed at a time of its own.
/// It has every verb but `raw`, each done in one step under one lock, and serves as the reference for backends of bytes.
/// It never makes room and never purges. Clones are handles to the same one, so one of them can look at what a cache does to the other.
///
/// [`Faults::wrap`](super::Faults::wrap) makes it slow, broken or hanging.
///
/// ```
/// use cache_core::{Cache, testing::Wire};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let wire = Wire::new();
/// let cache = Cache::builder().route("", wire.clone()).build().await?;
/// cache.set("user:7", "Grace").await?;
/// assert_eq!(cache.get::<String>("user:7").await?.as_deref(), Some("Grace"));
/// assert_eq!(wire.len(), 1);
/// # Ok::<(), cache_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Wire(Arc<Server>);

#[derive(Default)]
struct Server {
    store: Mutex<Store>,
    /// Of the first cache that routes here.
    clock: OnceLock<Arc<dyn Clock>>,
}

impl Wire {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one that forgets generations of tags, the oldest first, when there are more than this.
    ///
    /// What carries a forgotten generation is no longer valid, and must never become so again.
    pub fn with_tag_records(limit: usize) -> Self {
        let wire = Self::new();
        wire.serve(|store, _| store.bound_generations(limit));
        wire
    }

    /// How many entries there are, living or not.
    pub fn len(&self) -> usize {
        self.serve(|store, _| store.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that lie under a key, as anybody who can look into the server sees them.
    pub fn stored(&self, key: &str) -> Option<Bytes> {
        self.serve(|store, _| store.bytes(&Key::from(key)))
    }

    /// Puts bytes under a key past everything, as anybody who can write to the server can.
    pub fn plant(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        let bytes: Vec<u8> = bytes.into();
        self.serve(|store, now| store.plant(&Key::from(key), bytes.into(), now));
    }

    /// The state of a guard that lies under a key.
    pub fn state(&self, key: &str) -> Option<Vec<u8>> {
        self.serve(|store, _| store.state(&Key::from(key)))
    }

    /// Puts a state under a key past everything, for a minute.
    pub fn plant_state(&self, key: &str, state: impl Into<Vec<u8>>) {
        let until = Duration::from_secs(60);
        self.serve(|store, now| store.plant_state(&Key::from(key), state.into(), now.after(until)));
    }

    /// A client of it that keeps decoded entries near, and is told when they change.
    pub fn listener(&self) -> Listener {
        Listener::new(self.clone())
    }

    /// What the server answers to a reader who wants to be told when this changes.
    pub(super) fn tracked(&self, what: impl IntoIterator<Item = Change>, reader: &Arc<dyn Told>) {
        self.serve(|store, _| what.into_iter().for_each(|what| store.tracking.remember(what, reader)));
    }

    /// One command, in one step, at one time.
    fn serve<T>(&self, command: impl FnOnce(&mut Store, Time) -> T) -> T {
        let now = self.0.clock.get().map_or_else(|| SystemClock.now(), |clock| clock.now());
        command(&mut self.0.store.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// The same, when the future is polled.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        command: impl FnOnce(&mut Store, Time) -> Result<T> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move { self.serve(command) })
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Backend for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        // A second cache is judged by the clock of the first.
        let _ = self.0.clock.set(Arc::clone(clock));
    }

    fn counts(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        self.answer(|store, now| Ok(store.get(key, now)))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        self.answer(|store, now| Ok(keys.iter().map(|key| store.get(key, now)).collect()))
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        self.answer(move |store, now| {
            let wanted = match options.only_if {
                SetIf::Always => true,
                SetIf::Absent => store.living(key, now).is_none(),
                SetIf::Present => store.living(key, now).is_some(),
            };
            if !wanted || options.fill.is_some_and(|fill| !store.permits(key, fill)) {
                return Ok(false);
            }
            store.put(key, &entry)?;
            if options.fill.is_none() || options.supersedes {
                store.drop_fill(key);
            }
            Ok(true)
        })
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        self.answer(move |store, _| {
            entries.iter().try_for_each(|(key, entry)| {
                store.drop_fill(key);
                store.put(key, entry)
            })
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        self.answer(move |store, now| {
            let replaced = store.replace(key, expected, &entry, now)?;
            if replaced {
                store.drop_fill(key);
            }
            Ok(replaced)
        })
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        self.answer(move |store, now| store.replace(key, expected, &entry, now))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(|store, now| Ok(store.delete(key, now)))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.answer(|store, now| Ok(keys.iter().map(|key| u64::from(store.delete(key, now))).sum()))
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        self.answer(|store, now| {
            let matching = |key: &Key| pattern.matches(key.as_str());
            store.drop_fills(matching);
            let keys = store.keys(matching);
            Ok(keys.iter().map(|key| u64::from(store.delete(key, now))).sum())
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.answer(|store, _| {
            store.clear();
            Ok(())
        })
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        self.answer(|store, now| {
            let mut keys = store.keys(|key| pattern.matches(key.as_str()));
            keys.retain(|key| store.is_there(key, now));
            Ok(keys)
        })
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        self.answer(move |store, now| Ok(store.expire(key, expires, now)))
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        self.answer(move |store, now| store.increment(key, step, now))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        self.answer(|store, _| Ok(Some(store.join_fill(key))))
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.serve(|store, _| store.leave_fill(key, fill));
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        self.answer(|store, _| {
            let stamp = |tag: &Key| Stamp::new(tag.clone(), store.begin_generation(tag));
            Ok(tags.iter().map(stamp).collect())
        })
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        self.answer(|store, _| Ok(tags.iter().map(|tag| store.generation(tag)).collect()))
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        self.answer(|store, _| {
            tags.iter().for_each(|tag| store.end_generation(tag));
            Ok(())
        })
    }

    /// At the server's own time, which is not that of the cache.
    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        self.answer(move |store, now| {
            let wall = self.0.clock.get().map_or_else(|| SystemClock.wall(), |clock| clock.wall());
            store.update(key, change, Moment { time: now, wall });
            Ok(())
        })
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        self.answer(|store, now| {
            let size = |value: usize| (key.as_str().len() + value) as u64;
            Ok(store.living(key, now).map(|record| size(record.value_len())))
        })
    }
}
