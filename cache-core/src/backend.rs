//! What a cache asks of a place that keeps entries.

mod guard;
mod near;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use guard::{Step, Transition};
pub(crate) use near::Offer;
pub use near::{Mark, Near};

use crate::clock::{BoxFuture, Clock, Moment, Time};
use crate::entry::{Entry, Meta};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

/// In which form a backend keeps values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the types they are: [`Entry`] of any value, never serialized.
    Objects,
    /// As bytes: the cache encodes values and seals them in an [`envelope`](crate::envelope) with their times and tags.
    ///
    /// Of an entry the backend keeps [`encoded`](Entry::encoded), as it is, and when it [expires](Entry::expires); it
    /// gives both back in `Entry::new(Encoded(bytes), Meta::new(now, expires))`. All else an entry says comes out of the
    /// envelope; its [stamps](Entry::stamps) are for a backend that can judge tags itself, where it tells whether
    /// something lives. Whole numbers come as `i64` to those that ask for it ([`Backend::counts`]).
    Bytes,
}

/// What a synchronous look told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// The entry was shown. Whether it is still alive is the cache's judgement.
    Found,
    /// There is none; asking again asynchronously would tell the same.
    Missing,
    /// The backend cannot tell without waiting: ask [`Backend::get`].
    Remote,
}

/// When a store takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SetIf {
    /// In any case.
    #[default]
    Always,
    /// Only where no living entry is.
    Absent,
    /// Only where a living entry is.
    Present,
}

/// The right to store what is about to be computed, taken before computing.
///
/// A fresh nonce that lives in the backend while somebody computes the key; any deletion of the key drops
/// it, and a store that shows a dropped one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill(pub u64);

/// How an entry is stored.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SetOptions {
    /// When the store takes place.
    pub only_if: SetIf,
    /// Store only while this right stands.
    pub fill: Option<Fill>,
    /// Ends the rights that others hold: this was computed after a request to recompute, and what they began
    /// before it is older.
    pub supersedes: bool,
}

/// A step of a counter.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Increment {
    /// What to add; negative to count down.
    pub by: i64,
    /// Given to a counter that has no expiry yet, at any step, in the same atomic operation.
    pub ttl: Option<Duration>,
}

impl Increment {
    /// Adds `by`; a counter without expiry gets `ttl`.
    pub const fn new(by: i64, ttl: Option<Duration>) -> Self {
        Self { by, ttl }
    }

    /// The number after the step; an error beyond 64 bits.
    pub fn sum(self, number: i64) -> Result<i64> {
        let sum = number.checked_add(self.by);
        sum.ok_or_else(|| Error::backend(format_args!("{number} + {} is beyond 64 bits", self.by)))
    }

    /// Times of the counter after the step at `now`: those it has, and an end if it had none and is given one.
    pub fn times(self, before: Option<Meta>, now: Time) -> Meta {
        let mut meta = before.unwrap_or(Meta::new(now, Time::NEVER));
        if let (Time::NEVER, Some(ttl)) = (meta.expires, self.ttl) {
            meta.expires = now.after(ttl);
            meta.fresh_until = meta.expires;
        }
        meta.stored = now;
        meta
    }
}

/// When a key expires, as [`Cache::get_expire`](crate::Cache::get_expire) tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// There is no such key.
    Missing,
    /// The key stays until it is deleted or evicted.
    Never,
    /// The key expires after this time.
    In(Duration),
}

impl Expiry {
    /// What is left of the key's life, where that is a duration.
    pub const fn remaining(self) -> Option<Duration> {
        match self {
            Self::In(left) => Some(left),
            Self::Missing | Self::Never => None,
        }
    }
}

/// A place that keeps entries.
///
/// Four verbs are required: [`get`](Backend::get), [`set`](Backend::set), [`delete`](Backend::delete),
/// [`clear`](Backend::clear). What a server lacks stays at its default, which says
/// [`Error::Unsupported`]; nothing is imitated silently. Judging expiry is the cache's work: a backend may
/// hand out an expired entry, and drops it when it likes.
///
/// What must hold: every verb is atomic for its key, and once `delete`, `delete_match` or `clear` has
/// returned, no later `get` shows an entry stored before.
///
/// See `examples/custom_backend.rs` for a complete one, and [`conformance!`](crate::testing::conformance!) for the
/// suite that it must pass.
pub trait Backend: Send + Sync + 'static {
    /// The backend's own name, as in its URL scheme; used in errors and events.
    fn name(&self) -> &'static str;

    /// The form it keeps values in; bytes unless it lives in this process.
    fn form(&self) -> Form {
        Form::Bytes
    }

    /// Whether it was put together sensibly; asked when a cache that routes to it is built.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Called once for each cache that routes to it, with that cache's clock.
    fn attach(&self, _clock: &Arc<dyn Clock>) {}

    /// Shows the entry without waiting, if that is possible. On the hit path: no allocation, no lock shared
    /// by all keys.
    fn peek(&self, _key: KeyRef<'_>, _show: &mut dyn FnMut(&Entry)) -> Peek {
        Peek::Remote
    }

    /// The place in this process where it keeps decoded entries of a server, told by that server when they change.
    /// [`peek`](Backend::peek) shows them. `None`: it has none.
    fn near(&self) -> Option<&dyn Near> {
        None
    }

    /// Now, by the clock it is attached to and by the time that everybody who shares the backend agrees on. Times in
    /// envelopes are of the latter. `None`: wall time, which is as good as the machines keep it.
    fn moment(&self) -> Option<Moment> {
        None
    }

    /// What came back is damaged, or is another key's: perhaps questions and answers have come out of step. A backend with
    /// connections goes on with others.
    fn suspect(&self) {}

    /// Whether entries should carry an estimated weight ([`Meta::weight`](crate::Meta::weight)).
    fn weighs(&self) -> bool {
        false
    }

    /// Whether a backend of bytes is given whole numbers as `i64` entries, so that
    /// [`increment`](Backend::increment) and [`expire`](Backend::expire) go on from what was set. Else, and for numbers
    /// with tags or under a secret, the cache counts by [`compare_and_set`](Backend::compare_and_set).
    fn counts(&self) -> bool {
        false
    }

    /// The entry, if there is one.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>>;

    /// The entries of several keys, in their order.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            let mut entries = Vec::with_capacity(keys.len());
            for key in keys {
                entries.push(self.get(key).await?);
            }
            Ok(entries)
        })
    }

    /// Stores the entry; `false` if the options forbade it.
    ///
    /// A future that is dropped must not store any more: not after a later `delete` has returned.
    fn set<'a>(&'a self, key: &'a Key, entry: Arc<Entry>, options: SetOptions)
    -> BoxFuture<'a, Result<bool>>;

    /// Stores several entries.
    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for (key, entry) in entries {
                self.set(&key, entry, SetOptions::default()).await?;
            }
            Ok(())
        })
    }

    /// Stores the entry if what is there is still `expected`, as [`get`](Backend::get) gave it. Of bytes: if it is the
    /// same bytes, of which no two stores have equal ones.
    fn compare_and_set<'a>(
        &'a self,
        _key: &'a Key,
        _expected: &'a Entry,
        _entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        refuse(self.name(), "cas")
    }

    /// The same for the value that is there, in another envelope: rights to fill the key stand. Backends of bytes that
    /// keep such rights have it; to others it is [`compare_and_set`](Backend::compare_and_set).
    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        self.compare_and_set(key, expected, entry)
    }

    /// Removes the key and every right to fill it; tells whether a living entry was there.
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>>;

    /// Removes several keys; tells how many living entries were there.
    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut deleted = 0;
            for key in keys {
                deleted += u64::from(self.delete(key).await?);
            }
            Ok(deleted)
        })
    }

    /// Removes every key that matches, and every right to fill one; tells how many living entries went.
    fn delete_match<'a>(&'a self, _pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        refuse(self.name(), "delete_match")
    }

    /// Removes everything that was stored through this backend, and every right to fill.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;

    /// Living keys that match.
    fn scan<'a>(&'a self, _pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        refuse(self.name(), "scan")
    }

    /// Moves the expiry of a living key; `false` if there is none. Of bytes it is asked for numbers only: other expiries
    /// are sealed, and moved by [`compare_and_set`](Backend::compare_and_set).
    fn expire<'a>(&'a self, _key: &'a Key, _expires: Time) -> BoxFuture<'a, Result<bool>> {
        refuse(self.name(), "expire")
    }

    /// Adds to the integer under the key, creating it from zero; atomic with its expiry.
    fn increment<'a>(&'a self, _key: &'a Key, _step: Increment) -> BoxFuture<'a, Result<i64>> {
        refuse(self.name(), "incr")
    }

    /// Takes the right to fill a key, joining one that stands. `None`: the backend keeps no such rights, and
    /// the cache guards fills of this process itself.
    fn begin_fill<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Gives a right back; called once for each that was taken, from destructors, so it must not wait.
    fn end_fill(&self, _key: &Key, _fill: Fill) {}

    /// The generation of each tag as it stands, begun where there is none; in their order. An evicted record is a
    /// generation that is over: the next one is another.
    fn stamp<'a>(&'a self, _tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        refuse(self.name(), "tags")
    }

    /// The generation of each tag as it stands, in their order; `None` where there is none. Asked only of
    /// backends whose stamps do not know by themselves whether they hold.
    fn generations<'a>(&'a self, _tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        refuse(self.name(), "tags")
    }

    /// Ends the generation of each tag. Costs the same however many entries carry it.
    fn delete_tags<'a>(&'a self, _tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        refuse(self.name(), "delete_tags")
    }

    /// Changes a small state in one atomic step. Such states are not entries: `get` does not show them, they are
    /// never evicted to make room, and `delete` of their key and `clear` remove them.
    ///
    /// Without it guards let every call through, `hit` counts nothing, and of what is computed anew nobody knows that
    /// it failed a moment ago; an event says so each time.
    fn update<'a>(&'a self, _key: &'a Key, _change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        refuse(self.name(), "locks and limits")
    }

    /// The same at once, where nothing has to be waited for; `false`: nothing was done, ask
    /// [`update`](Backend::update).
    fn update_now(&self, _key: KeyRef<'_>, _change: &mut dyn Transition) -> bool {
        false
    }

    /// The bytes an entry takes in the backend, roughly; `None` if there is none.
    fn size_of<'a>(&'a self, _key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        refuse(self.name(), "size_of")
    }

    /// Passes a command to the server as it is.
    fn raw<'a>(&'a self, _command: &'a str, _args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        refuse(self.name(), "raw")
    }

    /// Removes everything in the store behind the backend, whoever put it there.
    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        self.clear()
    }

    /// Answers `message`, or fails as any other command would.
    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(std::future::ready(Ok(message.to_owned())))
    }

    /// Lets go of connections and threads. Commands after it open them again.
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The answer of a verb that a backend lacks.
fn refuse<'a, T: Send + 'a>(backend: &'static str, command: &'static str) -> BoxFuture<'a, Result<T>> {
    Box::pin(std::future::ready(Err(Error::unsupported(backend, command))))
}

impl fmt::Debug for dyn Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backend").field(&self.name()).finish()
    }
}

/// What `.route(prefix, …)` accepts: a built backend, or whatever builds one.
pub trait IntoBackend {
    /// The backend, or why there is none.
    fn into_backend(self) -> Result<Arc<dyn Backend>>;
}

impl<B: Backend> IntoBackend for B {
    fn into_backend(self) -> Result<Arc<dyn Backend>> {
        self.check()?;
        Ok(Arc::new(self))
    }
}

impl IntoBackend for Arc<dyn Backend> {
    fn into_backend(self) -> Result<Self> {
        self.check()?;
        Ok(self)
    }
}
