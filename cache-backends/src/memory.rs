//! Entries in this process, as the types they are.
//!
//! A read is one look into a flat concurrent map ([`shelf`]); who stays when there is no more room is moka's
//! judgement ([`residents`]), which hears of a sample of the reads. Writers lock a sixty-fourth of the keys
//! ([`stripe`]).

mod builder;
mod counter;
mod guards;
mod janitor;
pub(crate) mod limits;
mod named;
mod residents;
pub(crate) mod shelf;
pub(crate) mod slot;
pub(crate) mod store;
mod stripe;
mod tags;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{
    Backend, BoxFuture, Clock, Entry, Fill, Form, Increment, Key, KeyRef, Pattern, Peek, Result, SetOptions,
    Stamp, Time, Transition,
};

pub use builder::MemoryBuilder;
use limits::Limits;
use shelf::STRIPES;
use slot::Lent;
use store::Store;

/// A bounded store in this process; clones are handles to the same one.
///
/// Values stay the types they are and are shared by reference count: no codec, no copy, a read takes no lock.
/// The store is bounded by entries, by bytes, or by both, and keeps what is asked for often (TinyLFU): a new
/// entry that nobody has asked for may have to go before an old one that everybody does, even at once.
/// So it is the right place for what can be computed again. For counters and locks that must not be lost, give
/// them a route of their own with room for all.
///
/// Expired entries are absent for every verb, and are taken out every [`check_interval`][interval] without
/// being read, on one quiet thread for all stores. Time is that of the first cache that routes here; a second
/// cache with another clock is judged by the first's.
///
/// As a URL: `mem://?size=500&max_bytes=1000000&check_interval=10s` (`locmem://` is the same). `mem://` is a new
/// store each time. `mem://users` is the store named `users`: opened twice in a process it is one store, never
/// wiped by opening, gone when its last holder is. A second opening may leave options out, but not change them.
///
/// The memory of a removed value is given back in batches, a little later. A value's destructor must not use
/// the store the value is in.
///
/// ```
/// use cache_backends::Memory;
/// use cache_core::{Backend, Entry, Key, Meta, SetOptions, Time};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let memory = Memory::builder().max_entries(500).build();
/// let key = Key::from("user:7");
/// let entry = Entry::new("Grace", Meta::new(Time::from_nanos(1), Time::NEVER));
/// assert!(memory.set(&key, entry, SetOptions::default()).await?);
/// assert_eq!(memory.get(&key).await?.unwrap().downcast_ref(), Some(&"Grace"));
/// # Ok(()) }
/// ```
///
/// [interval]: MemoryBuilder::check_interval
#[derive(Clone)]
pub struct Memory(Arc<Store>);

impl Memory {
    /// Begins a store; the [builder](MemoryBuilder) lists the settings and their defaults.
    pub fn builder() -> MemoryBuilder {
        MemoryBuilder::default()
    }

    fn new(limits: Limits, check_interval: Duration, possible: Result<()>) -> Self {
        Self(Arc::new(Store::new(limits, check_interval, possible)))
    }

    /// How many entries there are, counting expired ones that have not been taken out yet.
    pub fn len(&self) -> usize {
        self.0.shelf.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes every expired entry out now; tells how many. Costs what expired, not what there is.
    ///
    /// For schedules of your own; the store does it by itself every
    /// [`check_interval`](MemoryBuilder::check_interval).
    pub fn purge_expired(&self) -> usize {
        let now = self.0.now();
        (0..STRIPES).map(|stripe| self.0.purge(stripe, now)).sum()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("len", &self.len())
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl Backend for Memory {
    fn name(&self) -> &'static str {
        "mem"
    }

    fn form(&self) -> Form {
        Form::Objects
    }

    fn check(&self) -> Result<()> {
        self.0.possible.clone()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        let is_first = self.0.clock.set(Arc::clone(clock)).is_ok();
        if is_first && !self.0.check_interval.is_zero() {
            janitor::watch(&self.0, Arc::clone(clock));
        }
    }

    #[inline]
    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        match self.0.look(Lent(key), |entry| show(entry)) {
            Some(()) => Peek::Found,
            None => Peek::Missing,
        }
    }

    fn weighs(&self) -> bool {
        self.0.limits.bytes().is_some()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async move { Ok(self.0.get(key)) })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move { Ok(keys.iter().map(|key| self.0.get(key)).collect()) })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.0.set(key, &entry, options)) })
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for (key, entry) in entries {
                self.0.set(&key, &entry, SetOptions::default());
            }
            Ok(())
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.0.compare_and_set(key, expected, &entry)) })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.0.delete(key)) })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(keys.iter().map(|key| u64::from(self.0.delete(key))).sum()) })
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.0.delete_match(pattern)) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.0.clear();
            Ok(())
        })
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move { Ok(self.0.scan(pattern)) })
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { Ok(self.0.expire(key, expires)) })
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move { self.0.increment(key, step) })
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        Box::pin(async move { Ok(tags.iter().map(|tag| self.0.tags.stamp(tag)).collect()) })
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            tags.iter().for_each(|tag| self.0.tags.end(tag));
            Ok(())
        })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.update_now(key.as_key(), change);
            Ok(())
        })
    }

    fn update_now(&self, key: KeyRef<'_>, change: &mut dyn Transition) -> bool {
        self.0.guards.update(key, self.0.now(), change);
        true
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move { Ok(self.0.get(key).map(|entry| self.0.limits.bytes_of(key, &entry))) })
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move { Ok(Some(self.0.begin_fill(key))) })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.0.end_fill(key, fill);
    }
}
