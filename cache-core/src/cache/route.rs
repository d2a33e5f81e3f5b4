//! A key prefix and the backend behind it: every command to a backend goes through here.

mod lasts;
mod tags;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::fills::{Change, Fills};
use super::options::Options;
use super::switches::Switches;
use crate::backend::{Backend, Fill, Form, Increment, Peek, SetIf, SetOptions, Transition};
use crate::clock::{Clock, Time};
use crate::codec::Codec;
use crate::command::Commands;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key, KeyRef, RESERVED, is_reserved};
use crate::middleware::{self, Layered};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::scope;
use crate::ttl::Ttl;

/// How long a command on a byte backend may take, unless `timeout=…` says otherwise.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);

pub(crate) struct Route {
    id: u32,
    prefix: Box<str>,
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    ttl: Option<Ttl>,
    timeout: Option<Duration>,
    /// What entries pass, as they are, on their way to the backend.
    layers: Option<Arc<Layered>>,
    pub(super) switches: Switches,
    /// Guards the fills of this process where the backend does not.
    fills: Arc<Fills>,
}

/// How often a reader looks again that meets an entry replaced under its eyes. Each time somebody else has
/// written the key, so this is out of reach of all but an adversary.
const LOOKS: usize = 64;

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl Route {
    pub(super) fn new(
        prefix: &str,
        backend: Arc<dyn Backend>,
        layered: Option<Layered>,
        options: &Options,
        disabled: Commands,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let layers = layered.map(Arc::new);
        // Without layers the very backend that was given: nothing stands between a hit and its entry.
        let backend = layers.as_ref().map_or(backend, |layers| Arc::clone(layers) as Arc<dyn Backend>);
        backend.attach(clock);
        let default = (backend.form() == Form::Bytes).then_some(COMMAND_TIMEOUT);
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            prefix: prefix.into(),
            clock: Arc::clone(clock),
            ttl: options.ttl,
            timeout: options.timeout.or(default).filter(|limit| !limit.is_zero()),
            layers,
            switches: Switches::new(disabled),
            fills: Arc::default(),
            backend,
        }
    }

    /// Whether keys may become one on their way to the backend.
    pub(crate) const fn is_layered(&self) -> bool {
        self.layers.is_some()
    }

    /// What a key, tag or pattern is to the backend.
    pub(crate) fn inner(&self, text: &str) -> String {
        let inner = self.layers.as_ref().and_then(|layers| layers.innermost(text));
        inner.unwrap_or_else(|| text.to_owned())
    }

    /// The same of a key.
    pub(crate) fn spelled(&self, key: &Key) -> Key {
        if self.is_layered() { self.inner(key.as_str()).into_key() } else { key.clone() }
    }

    /// Ends the rights to fill a key, however it is spelled.
    async fn change(&self, key: &Key) -> Vec<Change<'_>> {
        if !self.is_layered() || !self.fills.is_used() {
            return self.fills.change(key).await.into_iter().collect();
        }
        let inner = self.inner(key.as_str());
        self.fills.change_where(|known| self.inner(known.as_str()) == inner).await
    }

    /// The same for several.
    async fn change_all(&self, keys: &[&Key]) -> Vec<Change<'_>> {
        if !self.is_layered() || !self.fills.is_used() {
            return self.fills.change_where(|known| keys.contains(&known)).await;
        }
        let inner: Vec<_> = keys.iter().map(|key| self.inner(key.as_str())).collect();
        self.fills.change_where(|known| inner.contains(&self.inner(known.as_str()))).await
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    #[cfg(test)]
    pub(crate) const fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    #[inline]
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The ttl of what is set without one.
    pub(crate) const fn default_ttl(&self) -> Option<Ttl> {
        self.ttl
    }

    /// What the backend calls itself.
    pub(crate) fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    pub(crate) fn form(&self) -> Form {
        self.backend.form()
    }

    pub(crate) fn weighs(&self) -> bool {
        self.backend.weighs()
    }

    #[inline]
    pub(crate) fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        self.backend.peek(key, show)
    }

    /// The living entry, decoded if the backend keeps bytes.
    pub(crate) async fn get(&self, key: &Key, codec: Option<&Codec>) -> Result<Option<Arc<Entry>>> {
        for _ in 0..LOOKS {
            let Some(entry) = self.limited(self.backend.get(key)).await? else { return Ok(None) };
            if entry.is_alive(&*self.clock) {
                if !self.stamps_stand(std::slice::from_ref(&entry)).await? {
                    return Ok(None);
                }
                return decoded(entry, codec).map(Some);
            }
            if !entry.is_dead() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    pub(crate) async fn get_many(
        &self,
        keys: &[Key],
        codec: Option<&Codec>,
    ) -> Result<Vec<Option<Arc<Entry>>>> {
        let entries = self.limited(self.backend.get_many(keys)).await?;
        let generations = self.generations(entries.iter().flatten()).await?;
        let mut living = Vec::with_capacity(keys.len());
        for (key, entry) in keys.iter().zip(entries) {
            living.push(match entry {
                Some(entry) if entry.is_alive(&*self.clock) => {
                    if generations.allow(&entry) {
                        Some(decoded(entry, codec)?)
                    } else {
                        None
                    }
                }
                Some(entry) if entry.is_dead() => self.get(key, codec).await?,
                _ => None,
            });
        }
        Ok(living)
    }

    pub(crate) async fn update(&self, key: &Key, change: &mut dyn Transition) -> Result<()> {
        self.limited(self.backend.update(key, change)).await
    }

    /// The same at once, where nothing has to be waited for; `false`: nothing was done.
    pub(crate) fn update_now(&self, key: KeyRef<'_>, change: &mut dyn Transition) -> bool {
        self.backend.update_now(key, change)
    }

    /// Stores the entry, encoded if the backend keeps bytes.
    pub(crate) async fn set(
        &self,
        key: &Key,
        entry: Arc<Entry>,
        codec: Option<&Codec>,
        only_if: SetIf,
    ) -> Result<bool> {
        let entry = self.encoded(entry, codec)?;
        let _change = self.change(key).await;
        self.limited(self.backend.set(key, entry, SetOptions { only_if, ..SetOptions::default() })).await
    }

    pub(crate) async fn set_many(
        &self,
        entries: Vec<(Key, Arc<Entry>)>,
        codec: Option<&Codec>,
    ) -> Result<()> {
        let mut ready = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            ready.push((key, self.encoded(entry, codec)?));
        }
        let _change = self.change_all(&ready.iter().map(|(key, _)| key).collect::<Vec<_>>()).await;
        self.limited(self.backend.set_many(ready)).await
    }

    /// Stores a computed entry, if nothing was invalidated since `fill` was taken.
    pub(crate) async fn fill(
        &self,
        key: &Key,
        entry: Arc<Entry>,
        codec: Option<&Codec>,
        fill: &FillGuard,
        supersedes: bool,
    ) -> Result<bool> {
        if !entry.stamps_hold() {
            return Ok(false);
        }
        let entry = self.encoded(entry, codec)?;
        let Some(right) = fill.local else {
            let options = SetOptions { fill: fill.remote, supersedes, ..SetOptions::default() };
            return self.limited(self.backend.set(key, entry, options)).await;
        };
        let Some(_gate) = self.fills.fill(key, right).await else { return Ok(false) };
        let stored = self.limited(self.backend.set(key, entry, SetOptions::default())).await;
        if supersedes {
            self.fills.drop_key(key);
        }
        stored
    }

    /// Takes the right to store what is computed next.
    pub(crate) async fn begin_fill(&self, key: &Key) -> Result<FillGuard> {
        let remote = self.limited(self.backend.begin_fill(key)).await?;
        let local = remote.is_none().then(|| self.fills.begin(key));
        Ok(FillGuard {
            backend: Arc::clone(&self.backend),
            fills: Arc::clone(&self.fills),
            key: key.clone(),
            remote,
            local,
        })
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<bool> {
        let _change = self.change(key).await;
        self.limited(self.backend.delete(key)).await
    }

    pub(crate) async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        let _change = self.change_all(&keys.iter().collect::<Vec<_>>()).await;
        self.limited(self.backend.delete_many(keys)).await
    }

    pub(crate) async fn delete_match(&self, pattern: &Pattern) -> Result<u64> {
        let inner = Pattern::new(self.inner(pattern.as_str()));
        let _change = if self.is_layered() {
            self.fills.change_where(|known| inner.matches(&self.inner(known.as_str()))).await
        } else {
            self.fills.change_match(pattern).await
        };
        self.limited(self.backend.delete_match(pattern)).await
    }

    /// Removes what is stored through this route: all there is, unless its prefix says which keys are its own.
    pub(crate) async fn clear(&self) -> Result<()> {
        let _change = self.fills.change_where(|_| true).await;
        if self.prefix.is_empty() || self.prefix.contains('*') {
            return self.limited(self.backend.clear()).await;
        }
        let own = Pattern::new(format!("{}*", self.prefix));
        if !is_reserved(&self.prefix) {
            for reserved in RESERVED {
                let guards = Pattern::new([reserved, own.as_str()].concat());
                self.limited(self.backend.delete_match(&guards)).await?;
            }
        }
        self.limited(self.backend.delete_match(&own)).await.map(drop)
    }

    pub(crate) async fn scan(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        let mut keys = self.limited(self.backend.scan(pattern)).await?;
        if !self.is_layered() {
            // Layers compare what they made of the pattern.
            keys.retain(|key| pattern.matches(key.as_str()));
        }
        Ok(keys)
    }

    pub(crate) async fn expire(&self, key: &Key, expires: Time) -> Result<bool> {
        self.limited(self.backend.expire(key, expires)).await
    }

    pub(crate) async fn increment(&self, key: &Key, step: Increment) -> Result<i64> {
        let _change = self.change(key).await;
        self.limited(self.backend.increment(key, step)).await
    }

    /// Stores the entry, encoded if the backend keeps bytes, over what `expected` is.
    pub(crate) async fn compare_and_set(
        &self,
        key: &Key,
        expected: &Entry,
        entry: Arc<Entry>,
        codec: Option<&Codec>,
    ) -> Result<bool> {
        let entry = self.encoded(entry, codec)?;
        let _change = self.change(key).await;
        self.limited(self.backend.compare_and_set(key, expected, entry)).await
    }

    pub(crate) async fn size_of(&self, key: &Key) -> Result<Option<u64>> {
        self.limited(self.backend.size_of(key)).await
    }

    pub(crate) async fn raw(&self, command: &str, args: &[&[u8]]) -> Result<Reply> {
        self.limited(self.backend.raw(command, args)).await
    }

    pub(crate) async fn flush_all(&self) -> Result<()> {
        let _change = self.fills.change_where(|_| true).await;
        self.limited(self.backend.flush_all()).await
    }

    pub(crate) async fn ping(&self, message: &str) -> Result<String> {
        self.limited(self.backend.ping(message)).await
    }

    pub(crate) async fn close(&self) -> Result<()> {
        self.limited(self.backend.close()).await
    }

    /// The entry as the backend takes it. Layers see the value as it is; it is encoded behind them.
    fn encoded(&self, entry: Arc<Entry>, codec: Option<&Codec>) -> Result<Arc<Entry>> {
        if self.layers.is_some() {
            return Ok(middleware::unencoded(entry, codec));
        }
        middleware::encoded(&*self.backend, entry, codec)
    }

    /// The command, or an error once it has taken as long as it may: as long as the scope says, or the route.
    async fn limited<T>(&self, command: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(limit) = scope::timeout().unwrap_or(self.timeout) else { return command.await };
        let command = std::pin::pin!(command);
        let deadline = self.clock.sleep_until(self.clock.now().after(limit));
        tokio::select! {
            biased;
            outcome = command => outcome,
            () = deadline => Err(Error::Timeout { limit }),
        }
    }
}

fn decoded(entry: Arc<Entry>, codec: Option<&Codec>) -> Result<Arc<Entry>> {
    if entry.encoded().is_none() {
        // What a backend of bytes counts with is a number and no bytes; what reads no number sees another type.
        let number = codec.filter(|_| entry.downcast_ref::<i64>().is_some());
        return Ok(number.and_then(|codec| codec.decode(&entry).ok()).unwrap_or(entry));
    }
    match codec {
        _ if entry.kind() == crate::Kind::Absent => {
            Ok(Entry::new((), entry.meta()).stamped(entry.stamps().to_vec()))
        }
        Some(codec) => codec.decode(&entry),
        None => Ok(entry),
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {}", self.prefix, self.backend.name())
    }
}

/// The right to store what is being computed; given back when dropped.
pub(crate) struct FillGuard {
    backend: Arc<dyn Backend>,
    fills: Arc<Fills>,
    key: Key,
    /// Where the backend keeps such rights.
    remote: Option<Fill>,
    /// Where it does not, for this process.
    local: Option<Fill>,
}

impl Drop for FillGuard {
    fn drop(&mut self) {
        if let Some(fill) = self.remote {
            self.backend.end_fill(&self.key, fill);
        }
        if let Some(fill) = self.local {
            self.fills.end(&self.key, fill);
        }
    }
}
