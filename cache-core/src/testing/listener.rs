//! A client of a wire that is told when what it has read changes.

mod nearby;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::nearby::Nearby;
use super::wire::{Change, Told, Wire};
use crate::backend::{Backend, Fill, Increment, Mark, Near, Peek, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::tag::Stamp;

/// A client of a [`Wire`] that keeps decoded entries [near](Near), as a client of a real server does that is told when
/// they change: for tests only. Made by [`Wire::listener`]; several are several processes. Clones are handles to one.
///
/// What the server tells arrives at once, unless a test [holds](Listener::hold) it or [loses](Listener::lose) it.
///
/// ```
/// use cache_core::{Cache, testing::Wire};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let wire = Wire::new();
/// let listener = wire.listener();
/// let here = Cache::builder().route("", listener.clone()).build().await?;
/// let elsewhere = Cache::builder().route("", wire).build().await?;
///
/// here.set("user:7", "Grace").await?;
/// here.get::<String>("user:7").await?;
/// let commands = listener.commands();
/// assert_eq!(here.get::<String>("user:7").await?.as_deref(), Some("Grace"));
/// assert_eq!(listener.commands(), commands, "it was near");
///
/// elsewhere.set("user:7", "Ada").await?;
/// assert_eq!(here.get::<String>("user:7").await?.as_deref(), Some("Ada"));
/// # Ok::<(), cache_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Listener {
    wire: Wire,
    near: Arc<Nearby>,
    told: Arc<dyn Told>,
    commands: Arc<AtomicUsize>,
    lingers: Arc<AtomicUsize>,
}

impl Listener {
    pub(super) fn new(wire: Wire) -> Self {
        let near = Arc::new(Nearby::default());
        let told: Arc<dyn Told> = Arc::clone(&near) as _;
        Self { wire, near, told, commands: Arc::default(), lingers: Arc::default() }
    }

    /// How many entries are near.
    pub fn len(&self) -> usize {
        self.near.table().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many commands went to the server.
    pub fn commands(&self) -> usize {
        self.commands.load(Ordering::SeqCst)
    }

    /// From now on what the server tells waits on its way.
    pub fn hold(&self) {
        self.near.table().holds = true;
    }

    /// What waits arrives, in its order; and what is told from now on, at once.
    pub fn deliver(&self) {
        let mut table = self.near.table();
        table.holds = false;
        while let Some(change) = table.waiting.pop_front() {
            table.change(&change);
        }
    }

    /// The connection on which the server tells is gone, and what was on it.
    pub fn lose(&self) {
        let mut table = self.near.table();
        table.reconnect();
        table.lost = true;
    }

    /// There is another.
    pub fn regain(&self) {
        self.near.table().lost = false;
    }

    /// The server's answers to reads, and to writes of single keys, give way so many times before they arrive.
    pub fn linger(&self, times: usize) {
        self.lingers.store(times, Ordering::SeqCst);
    }

    async fn arrive(&self) {
        for _ in 0..self.lingers.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    fn count(&self) {
        self.commands.fetch_add(1, Ordering::SeqCst);
    }

    /// Keys that are written through here: whatever becomes of the command, they are not near after it.
    fn writes<'a>(&'a self, keys: &'a [Key]) -> Written<'a, impl Fn(&Key) -> bool> {
        self.writes_where(|key| keys.contains(key))
    }

    fn writes_where<F: Fn(&Key) -> bool>(&self, goes: F) -> Written<'_, F> {
        self.count();
        Written { near: &self.near, goes }
    }
}

/// A write under way.
struct Written<'a, F: Fn(&Key) -> bool> {
    near: &'a Nearby,
    goes: F,
}

impl<F: Fn(&Key) -> bool> Drop for Written<'_, F> {
    fn drop(&mut self) {
        self.near.table().change_where(&self.goes);
    }
}

impl Near for Listener {
    fn mark(&self, key: &Key) -> Option<Mark> {
        self.near.table().mark(&Change::Key(key.clone()))
    }

    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>) {
        self.near.table().keep(key, mark, entry);
    }

    fn get(&self, key: KeyRef<'_>) -> Option<Arc<Entry>> {
        self.near.table().entry(key.as_str()).cloned()
    }

    fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        self.near.table().stamp(tag, nonce)
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("wire", &self.wire)
            .field("near", &self.len())
            .finish_non_exhaustive()
    }
}

/// A command that writes these keys.
macro_rules! written {
    ($self:ident, $keys:expr, $command:expr) => {
        Box::pin(async move {
            let _written = $self.writes($keys);
            let done = $command.await;
            $self.arrive().await;
            done
        })
    };
}

/// A command that changes nothing that may be near.
macro_rules! passed {
    ($self:ident, $command:expr) => {
        Box::pin(async move {
            $self.count();
            $command.await
        })
    };
}

impl Backend for Listener {
    fn name(&self) -> &'static str {
        self.wire.name()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.wire.attach(clock);
    }

    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        match Near::get(self, key) {
            Some(entry) => {
                show(&entry);
                Peek::Found
            }
            None => Peek::Remote,
        }
    }

    fn near(&self) -> Option<&dyn Near> {
        Some(self)
    }

    fn counts(&self) -> bool {
        self.wire.counts()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async move {
            self.count();
            self.wire.tracked([Change::Key(key.clone())], &self.told);
            let found = self.wire.get(key).await;
            self.arrive().await;
            found
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            self.count();
            self.wire.tracked(keys.iter().cloned().map(Change::Key), &self.told);
            let found = self.wire.get_many(keys).await;
            self.arrive().await;
            found
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        written!(self, std::slice::from_ref(key), self.wire.set(key, entry, options))
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let keys: Vec<Key> = entries.iter().map(|(key, _)| key.clone()).collect();
            let _written = self.writes(&keys);
            self.wire.set_many(entries).await
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        written!(self, std::slice::from_ref(key), self.wire.compare_and_set(key, expected, entry))
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        written!(self, std::slice::from_ref(key), self.wire.reseal(key, expected, entry))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        written!(self, std::slice::from_ref(key), self.wire.delete(key))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        written!(self, keys, self.wire.delete_many(keys))
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let _written = self.writes_where(|key| pattern.matches(key.as_str()));
            self.wire.delete_match(pattern).await
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let _written = self.writes_where(|_| true);
            self.wire.clear().await
        })
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        passed!(self, self.wire.scan(pattern))
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        written!(self, std::slice::from_ref(key), self.wire.expire(key, expires))
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        written!(self, std::slice::from_ref(key), self.wire.increment(key, step))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        passed!(self, self.wire.begin_fill(key))
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.wire.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        passed!(self, self.wire.stamp(tags))
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        Box::pin(async move {
            self.count();
            let mark = |tag: &Key| self.near.table().mark(&Change::Tag(tag.clone()));
            let marks: Vec<_> = tags.iter().map(mark).collect();
            self.wire.tracked(tags.iter().cloned().map(Change::Tag), &self.told);
            let nonces = self.wire.generations(tags).await;
            self.arrive().await;
            let nonces = nonces?;
            for ((tag, mark), nonce) in tags.iter().zip(marks).zip(&nonces) {
                self.near.table().know(tag, mark, *nonce);
            }
            Ok(nonces)
        })
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.count();
            let done = self.wire.delete_tags(tags).await;
            let mut table = self.near.table();
            tags.iter().for_each(|tag| table.change(&Change::Tag(tag.clone())));
            done
        })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        passed!(self, self.wire.update(key, change))
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        passed!(self, self.wire.size_of(key))
    }
}
