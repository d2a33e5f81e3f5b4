//! A backend that misbehaves on demand.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::{Backend, Fill, Form, Increment, Near, Peek, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Moment, Time};
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

/// Wraps a backend and makes it slow, broken or hanging when a test says so; clones control the same one.
///
/// Its synchronous look is off, so every command takes the way a remote backend takes. What a backend keeps
/// [near](crate::Near) is shown, faults or not: it is not at the other end of the wire.
///
/// ```
/// use cache_core::{Error, testing::Faults};
/// # fn wrap(backend: impl cache_core::Backend) {
/// let faults = Faults::new();
/// let backend = faults.wrap(backend);
/// faults.yields(1);
/// faults.fail(Some(Error::backend("connection reset")));
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    yields: AtomicUsize,
    hangs: AtomicBool,
    error: Mutex<Option<Error>>,
    /// Of single verbs.
    errors: Mutex<HashMap<&'static str, Error>>,
    commands: AtomicUsize,
}

impl Faults {
    /// No faults yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The backend, under this control.
    pub fn wrap<B: Backend>(&self, inner: B) -> Faulty<B> {
        Faulty { inner, faults: self.clone() }
    }

    /// Every command gives way this many times before it runs, and as often after.
    pub fn yields(&self, times: usize) {
        self.0.yields.store(times, Ordering::SeqCst);
    }

    /// Every command fails with this error before it does anything; `None` heals.
    pub fn fail(&self, error: Option<Error>) {
        *self.0.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// The verb of [`Backend`] with this name fails so, and no other, as where a server permits some commands only;
    /// `None` heals it.
    ///
    /// ```
    /// use cache_core::{Error, testing::Faults};
    ///
    /// let faults = Faults::new();
    /// faults.fail_verb("delete", Some(Error::backend("not permitted")));
    /// ```
    pub fn fail_verb(&self, verb: &'static str, error: Option<Error>) {
        let mut errors = self.0.errors.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => drop(errors.insert(verb, error)),
            None => drop(errors.remove(verb)),
        }
    }

    /// Commands that begin now never end.
    pub fn hang(&self, hangs: bool) {
        self.0.hangs.store(hangs, Ordering::SeqCst);
    }

    /// How many commands were begun.
    pub fn commands(&self) -> usize {
        self.0.commands.load(Ordering::SeqCst)
    }

    async fn inject<T>(&self, verb: &str, command: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.commands.fetch_add(1, Ordering::SeqCst);
        let yields = self.0.yields.load(Ordering::SeqCst);
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        if self.0.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let every = self.0.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let one = self.0.errors.lock().unwrap_or_else(PoisonError::into_inner).get(verb).cloned();
        if let Some(error) = every.or(one) {
            return Err(error);
        }
        let outcome = command.await;
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        outcome
    }
}

/// A backend under the control of [`Faults`].
pub struct Faulty<B> {
    inner: B,
    faults: Faults,
}

impl<B> fmt::Debug for Faulty<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("faults", &self.faults).finish_non_exhaustive()
    }
}

macro_rules! injected {
    ($self:ident . $command:ident ( $($arg:ident),* )) => {
        Box::pin(async move { $self.faults.inject(stringify!($command), $self.inner.$command($($arg),*)).await })
    };
}

impl<B: Backend> Backend for Faulty<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn form(&self) -> Form {
        self.inner.form()
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.inner.attach(clock);
    }

    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        if self.inner.near().is_some() { self.inner.peek(key, show) } else { Peek::Remote }
    }

    fn near(&self) -> Option<&dyn Near> {
        self.inner.near()
    }

    fn moment(&self) -> Option<Moment> {
        self.inner.moment()
    }

    fn suspect(&self) {
        self.inner.suspect();
    }

    fn weighs(&self) -> bool {
        self.inner.weighs()
    }

    fn counts(&self) -> bool {
        self.inner.counts()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        injected!(self.get(key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        injected!(self.get_many(keys))
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        injected!(self.set(key, entry, options))
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        injected!(self.set_many(entries))
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        injected!(self.compare_and_set(key, expected, entry))
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        injected!(self.reseal(key, expected, entry))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        injected!(self.delete(key))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        injected!(self.delete_many(keys))
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        injected!(self.delete_match(pattern))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        injected!(self.clear())
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        injected!(self.scan(pattern))
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        injected!(self.expire(key, expires))
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        injected!(self.increment(key, step))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move {
            // A right that was taken must not be lost with a cancelled command: ask last.
            self.faults.inject("begin_fill", async { Ok(()) }).await?;
            self.inner.begin_fill(key).await
        })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.inner.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        injected!(self.stamp(tags))
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        injected!(self.generations(tags))
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        injected!(self.delete_tags(tags))
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        injected!(self.update(key, change))
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        injected!(self.size_of(key))
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        injected!(self.raw(command, args))
    }

    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        injected!(self.flush_all())
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        injected!(self.ping(message))
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        injected!(self.close())
    }
}
