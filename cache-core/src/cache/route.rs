//! A key prefix and the backend behind it: every command to a backend goes through here.

mod lasts;
mod near;
mod tags;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::asides::Since;
use super::fills::{Change, Fills};
use super::options::Options;
use super::switches::Switches;
use crate::backend::{Backend, Fill, Form, Increment, Peek, SetIf, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Time};
use crate::codec::{Bincode, Codec};
use crate::coder::Coding;
use crate::command::Commands;
use crate::entry::{Entry, Kind};
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key, KeyRef, is_reserved};
use crate::middleware::{self, Layered};
use crate::overdue;
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::scope;
use crate::steady::{Steady, Whole, with_guards};
use crate::ttl::Ttl;

/// How long a command on a byte backend may take, unless `timeout=…` says otherwise.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_millis(250);

pub(crate) struct Route {
    id: u32,
    prefix: Box<str>,
    backend: Arc<dyn Backend>,
    form: Form,
    /// What is known of its health, where it can be lost.
    steady: Option<Arc<Steady>>,
    clock: Arc<dyn Clock>,
    ttl: Option<Ttl>,
    timeout: Option<Duration>,
    /// What values become bytes by, where nobody says otherwise.
    codec: &'static dyn Codec,
    /// Whether the cache is not built without its backend's answer.
    is_required: bool,
    /// Whether commands answer a backend that is not there like an empty one.
    suppresses: bool,
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
        (backend, steady): (Arc<dyn Backend>, Option<Arc<Steady>>),
        layered: Option<Layered>,
        options: &Options,
        disabled: Commands,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let layers = layered.map(Arc::new);
        // Without layers the very backend that was given: nothing stands between a hit and its entry.
        let backend = layers.as_ref().map_or(backend, |layers| Arc::clone(layers) as Arc<dyn Backend>);
        backend.attach(clock);
        let form = backend.form();
        let default = (form == Form::Bytes).then_some(COMMAND_TIMEOUT);
        Self {
            form,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            prefix: prefix.into(),
            clock: Arc::clone(clock),
            ttl: options.ttl,
            is_required: options.require.unwrap_or(false),
            suppresses: options.suppress.unwrap_or(true),
            codec: options.codec.unwrap_or(&Bincode),
            timeout: options.timeout.or(default).filter(|limit| !limit.is_zero()),
            layers,
            switches: Switches::new(disabled),
            fills: Arc::default(),
            backend,
            steady,
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
        if !self.is_layered() || !self.fills.knows() {
            return self.fills.change(key).await.into_iter().collect();
        }
        let inner = self.inner(key.as_str());
        self.fills.change_where(|known| self.inner(known.as_str()) == inner).await
    }

    /// The same for several.
    async fn change_all(&self, keys: &[&Key]) -> Vec<Change<'_>> {
        if !self.is_layered() || !self.fills.knows() {
            return self.fills.change_where(|known| keys.contains(&known)).await;
        }
        let inner: Vec<_> = keys.iter().map(|key| self.inner(key.as_str())).collect();
        self.fills.change_where(|known| inner.contains(&self.inner(known.as_str()))).await
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    #[inline]
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The ttl of what is set without one.
    pub(crate) const fn default_ttl(&self) -> Option<Ttl> {
        self.ttl
    }

    /// Whether a failure of the backend is to be told now, with the number of those before it that were not.
    pub(crate) fn tells_failure(&self) -> Option<u64> {
        self.steady.as_ref().map_or(Some(0), |steady| steady.tells_failure())
    }

    /// Whether callers of commands are spared this error.
    pub(crate) fn spares(&self, error: &Error) -> bool {
        self.suppresses && self.steady.is_some() && error.is_unavailable()
    }

    /// What the backend calls itself.
    pub(crate) fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    pub(super) const fn is_required(&self) -> bool {
        self.is_required
    }

    #[inline]
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn weighs(&self) -> bool {
        self.backend.weighs()
    }

    #[inline]
    pub(crate) fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        self.backend.peek(key, show)
    }

    /// The living entry, decoded if the backend keeps bytes.
    pub(crate) async fn get(&self, key: &Key, coding: Coding) -> Result<Option<Arc<Entry>>> {
        for _ in 0..LOOKS {
            let Some(entry) = self.limited(self.backend.get(key)).await? else {
                return self.aside(key).await;
            };
            if entry.is_alive(&*self.clock) {
                if !self.stamps_stand(std::slice::from_ref(&entry)).await? {
                    return Ok(None);
                }
                return self.decoded_near(entry, coding).map(Some);
            }
            if !entry.is_dead() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The same for several; each on its own may be unreadable.
    pub(crate) async fn get_many(
        &self,
        keys: &[Key],
        coding: Coding,
    ) -> Result<Vec<Result<Option<Arc<Entry>>>>> {
        let entries = self.limited(self.backend.get_many(keys)).await?;
        let generations = self.generations(entries.iter().flatten()).await?;
        let mut living = Vec::with_capacity(keys.len());
        for (key, entry) in keys.iter().zip(entries) {
            living.push(match entry {
                Some(entry) if entry.is_alive(&*self.clock) => {
                    if generations.allow(&entry) {
                        self.decoded_near(entry, coding).map(Some)
                    } else {
                        Ok(None)
                    }
                }
                Some(entry) if entry.is_dead() => match self.get(key, coding).await {
                    Err(error) if !error.is_unreadable() => return Err(error),
                    found => found,
                },
                _ => self.aside(key).await,
            });
        }
        Ok(living)
    }

    /// The error that is kept in this process because it has no way into bytes.
    async fn aside(&self, key: &Key) -> Result<Option<Arc<Entry>>> {
        let Some(entry) = self.fills.asides.get(key).filter(|entry| entry.is_alive(&*self.clock)) else {
            return Ok(None);
        };
        Ok(self.stamps_stand(std::slice::from_ref(&entry)).await?.then_some(entry))
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
        coding: Coding,
        only_if: SetIf,
    ) -> Result<bool> {
        let entry = self.encoded(entry, coding)?;
        let _change = self.change(key).await;
        self.limited(self.backend.set(key, entry, SetOptions { only_if, ..SetOptions::default() })).await
    }

    pub(crate) async fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>, coding: Coding) -> Result<()> {
        let mut ready = Vec::with_capacity(entries.len());
        for (key, entry) in entries {
            ready.push((key, self.encoded(entry, coding)?));
        }
        let _change = self.change_all(&ready.iter().map(|(key, _)| key).collect::<Vec<_>>()).await;
        self.limited(self.backend.set_many(ready)).await
    }

    /// Stores a computed entry, if nothing was invalidated since `fill` was taken.
    pub(crate) async fn fill(
        &self,
        key: &Key,
        entry: Arc<Entry>,
        coding: Coding,
        fill: &FillGuard,
        supersedes: bool,
    ) -> Result<bool> {
        if !entry.stamps_hold() {
            return Ok(false);
        }
        if self.form() == Form::Bytes && entry.kind() == Kind::Failed && !coding.has_errors() {
            return Ok(self.fills.asides.put(key, entry, fill.since, self.clock.now()));
        }
        let entry = self.encoded(entry, coding)?;
        self.fills.asides.forget(key);
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
        let since = self.fills.asides.now(key);
        let remote = self.limited(self.backend.begin_fill(key)).await?;
        let local = remote.is_none().then(|| self.fills.begin(key));
        Ok(FillGuard {
            backend: Arc::clone(&self.backend),
            fills: Arc::clone(&self.fills),
            key: key.clone(),
            remote,
            local,
            since,
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
        let own = format!("{}*", self.prefix);
        let patterns = if is_reserved(&self.prefix) { vec![Pattern::new(own)] } else { with_guards(&own) };
        let inner = patterns.iter().map(|pattern| Pattern::new(self.inner(pattern.as_str())));
        let mut whole = Whole::new(self.steady.as_deref(), inner);
        for pattern in &patterns {
            whole.answered(self.limited(self.backend.delete_match(pattern)).await);
        }
        whole.outcome()
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
        coding: Coding,
    ) -> Result<bool> {
        let entry = self.encoded(entry, coding)?;
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
    fn encoded(&self, entry: Arc<Entry>, coding: Coding) -> Result<Arc<Entry>> {
        let coding = coding.or_by(self.codec);
        if self.layers.is_some() {
            return Ok(middleware::unencoded(entry, coding));
        }
        middleware::encoded(&*self.backend, entry, coding)
    }

    /// The entry with its value as bytes, as this route writes them.
    pub(crate) fn payload(&self, entry: &Entry, coding: Coding) -> Result<Arc<Entry>> {
        coding.or_by(self.codec).encode(entry)
    }

    /// The entry with its value as the type it was.
    pub(crate) fn decoded(&self, entry: Arc<Entry>, coding: Coding) -> Result<Arc<Entry>> {
        match entry.damage() {
            Some(why) => Err(Error::Unreadable(why)),
            None => coding.decode(entry, self.codec),
        }
    }

    /// The command, or an error once it has taken as long as it may: as long as the scope says, or the route.
    async fn limited<T>(&self, command: BoxFuture<'_, Result<T>>) -> Result<T> {
        let Some(limit) = scope::timeout().unwrap_or(self.timeout) else { return command.await };
        overdue::limited(&*self.clock, self.clock.now(), limit, command).await
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
    /// What was known of the key's changes then.
    since: Since,
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
