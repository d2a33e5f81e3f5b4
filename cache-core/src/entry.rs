//! What a backend keeps under a key: one value, its times, and what kind of answer it is.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::backend::Offer;
use crate::clock::{COARSE_ERROR, Clock, Time};
use crate::envelope::Unreadable;
use crate::tag::Stamp;

mod payload;

pub use payload::Payload;

/// What an entry answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// A value: of a plain function, inside `Ok`, inside `Some`.
    #[default]
    Value,
    /// `None`, kept because `none_ttl` asked for it.
    Absent,
    /// An `Err`, kept because `err_ttl` asked for it.
    Failed,
}

/// The times and marks of an entry, apart from its value.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Meta {
    /// What the entry answers.
    pub kind: Kind,
    /// When it was stored.
    pub stored: Time,
    /// When it stops being used.
    pub expires: Time,
    /// Until when it need not be refreshed; strategies without refresh leave it at `expires`.
    pub fresh_until: Time,
    /// How long the value took to compute; zero if it was set directly.
    pub cost: Duration,
    /// The `version = …` of the attribute that stored it; another version is a miss.
    pub version: u32,
    /// Estimated bytes in memory, where a backend is bounded by bytes; else zero.
    pub weight: u32,
    /// Tells the entry from others of its key: zero until it is sealed for a backend of bytes, odd where its hits are
    /// counted from its beginning.
    pub nonce: u64,
    /// Which envelope it was verified by, where it was in one.
    pub(crate) opener: u32,
}

impl Meta {
    /// A value stored at `stored` that expires at `expires`.
    pub const fn new(stored: Time, expires: Time) -> Self {
        Self {
            kind: Kind::Value,
            stored,
            expires,
            fresh_until: expires,
            cost: Duration::ZERO,
            version: 0,
            weight: 0,
            nonce: 0,
            opener: 0,
        }
    }
}

/// A stored answer: immutable but for its expiry, shared by reference count.
///
/// A memory backend keeps the value as the type it has; a byte backend keeps an entry whose value is
/// [`Encoded`]. An entry that has left its backend is dead: its expiry is [`Time::ORIGIN`], so whoever
/// still holds it judges it expired.
pub struct Entry<T: ?Sized = dyn Any + Send + Sync> {
    expires: AtomicU64,
    meta: Meta,
    /// How many calls it has answered, where that is counted.
    hits: AtomicU32,
    /// Most entries have none.
    stamps: Option<Arc<[Stamp]>>,
    /// Where it may be kept near once it is decoded.
    offer: Option<Box<Offer>>,
    value: T,
}

/// All that a backend of bytes keeps of an entry, sealed in its envelope: nothing in it is for the backend to read.
#[derive(Debug, Clone)]
pub struct Encoded(pub Bytes);

/// What stands for an entry that cannot be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Damaged(pub(crate) Unreadable);

/// [`COARSE_ERROR`] as the hit path compares it.
#[expect(clippy::cast_possible_truncation, reason = "12 ms fit")]
const COARSE_NANOS: u64 = COARSE_ERROR.as_nanos() as u64;

impl Entry {
    /// An entry holding `value`.
    pub fn new<T: Any + Send + Sync>(value: T, meta: Meta) -> Arc<Self> {
        Arc::new(Entry {
            expires: AtomicU64::new(meta.expires.as_nanos()),
            meta,
            hits: AtomicU32::new(0),
            stamps: None,
            offer: None,
            value,
        })
    }

    /// The value, if it has this type.
    #[inline]
    pub fn downcast_ref<T: Any>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    /// The value of whatever type.
    pub fn value(&self) -> &(dyn Any + Send + Sync) {
        &self.value
    }

    /// The bytes that a backend of bytes keeps.
    pub fn encoded(&self) -> Option<&Bytes> {
        self.downcast_ref::<Encoded>().map(|encoded| &encoded.0)
    }

    /// The bytes of the value as its codec wrote them, where it is on its way to or from a backend of bytes.
    pub fn payload(&self) -> Option<&Bytes> {
        self.downcast_ref::<Payload>().map(Payload::bytes)
    }

    /// Why it cannot be read, if it cannot.
    pub(crate) fn damage(&self) -> Option<Unreadable> {
        self.downcast_ref::<Damaged>().map(|damaged| damaged.0)
    }

    /// The same entry with another value.
    pub(crate) fn with_value<T: Any + Send + Sync>(&self, value: T) -> Arc<Self> {
        Self::new(value, self.meta()).stamped(self.stamps().to_vec())
    }

    /// The tags it carries, with their generations.
    pub fn stamps(&self) -> &[Stamp] {
        self.stamps.as_deref().unwrap_or_default()
    }

    /// Puts tags on it. Only before it is stored: a shared entry stays as it is.
    #[must_use]
    pub fn stamped(mut self: Arc<Self>, stamps: Vec<Stamp>) -> Arc<Self> {
        if !stamps.is_empty()
            && let Some(entry) = Arc::get_mut(&mut self)
        {
            entry.stamps = Some(stamps.into());
        }
        self
    }

    /// Notes a place near. Only right after it was opened: a shared entry stays as it is.
    pub(crate) fn offered(mut self: Arc<Self>, offer: Offer) -> Arc<Self> {
        if let Some(entry) = Arc::get_mut(&mut self) {
            entry.offer = Some(Box::new(offer));
        }
        self
    }

    pub(crate) fn offer(&self) -> Option<&Offer> {
        self.offer.as_deref()
    }

    /// Whether no tag of it was deleted since, as far as is known here.
    #[inline]
    pub(crate) fn stamps_hold(&self) -> bool {
        match &self.stamps {
            None => true,
            Some(stamps) => stamps.iter().all(Stamp::holds),
        }
    }

    /// Times and marks, with the expiry as it stands now.
    pub fn meta(&self) -> Meta {
        Meta { expires: self.expires(), ..self.meta }
    }

    /// Times and marks as they were stored.
    #[inline]
    pub(crate) const fn times(&self) -> &Meta {
        &self.meta
    }

    /// Which entry of its key it is.
    #[inline]
    pub(crate) const fn identity(&self) -> u64 {
        // What is kept as it is keeps its time exactly; what was bytes has a number.
        if self.meta.nonce == 0 { self.meta.stored.as_nanos() } else { self.meta.nonce }
    }

    /// Whether its hits are counted from its beginning.
    pub(crate) const fn is_counted(&self) -> bool {
        self.meta.nonce & 1 == 1
    }

    /// The same entry with another expiry.
    pub(crate) fn until(self: &Arc<Self>, expires: Time) -> Arc<Self> {
        let meta = Meta { expires, ..self.meta() };
        match self.downcast_ref::<Payload>() {
            Some(payload) => Self::new(payload.clone(), meta).stamped(self.stamps().to_vec()),
            None => Arc::clone(self),
        }
    }

    /// Counts a call that it is to answer; how many there were with this one.
    #[inline]
    pub(crate) fn count_hit(&self) -> u32 {
        self.hits.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Whether it need not be computed anew yet: judged as its life is.
    #[inline]
    pub(crate) fn is_fresh<C: Clock + ?Sized>(&self, clock: &C) -> bool {
        let (until, coarse) = (self.meta.fresh_until, clock.coarse());
        until.as_nanos() > coarse.as_nanos().saturating_add(COARSE_NANOS)
            || (until > coarse && until > clock.now())
    }

    /// The attribute version it was stored under.
    #[inline]
    pub const fn version(&self) -> u32 {
        self.meta.version
    }

    /// What it answers.
    #[inline]
    pub const fn kind(&self) -> Kind {
        self.meta.kind
    }

    /// When it stops being used; [`Time::ORIGIN`] once it has left its backend.
    #[inline]
    pub fn expires(&self) -> Time {
        Time::from_nanos(self.expires.load(Ordering::Acquire))
    }

    /// Whether it may be used at `now`.
    #[inline]
    pub fn is_alive_at(&self, now: Time) -> bool {
        self.expires() > now && self.stamps_hold()
    }

    /// Whether it may be used now: judged by the cheap clock, and near its end by the exact one.
    #[inline]
    pub fn is_alive<C: Clock + ?Sized>(&self, clock: &C) -> bool {
        let expires = self.expires();
        let coarse = clock.coarse();
        (expires.as_nanos() > coarse.as_nanos().saturating_add(COARSE_NANOS)
            || (expires > coarse && expires > clock.now()))
            && self.stamps_hold()
    }

    /// Notes an estimate of its bytes, for backends that are bounded by them. Only before it is stored: a
    /// shared entry stays as it is.
    #[must_use]
    pub(crate) fn weigh(mut self: Arc<Self>, bytes: usize) -> Arc<Self> {
        if let Some(entry) = Arc::get_mut(&mut self) {
            entry.meta.weight = u32::try_from(bytes).unwrap_or(u32::MAX);
        }
        self
    }

    /// Whether it has left its backend. A reader that finds a dead entry looks again: if it was replaced, the
    /// new one is there already.
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.expires() == Time::ORIGIN
    }

    /// Marks it dead. Backends call this when the entry leaves them, whatever the reason.
    pub fn kill(&self) {
        self.expires.store(Time::ORIGIN.as_nanos(), Ordering::Release);
    }

    /// Moves the expiry of a living entry; `false` if it is expired or dead.
    pub fn expire_at(&self, now: Time, expires: Time) -> bool {
        self.expires
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |current| {
                (current > now.as_nanos()).then_some(expires.as_nanos())
            })
            .is_ok()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("meta", &self.meta()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    #[test]
    fn an_entry_lives_up_to_its_expiry_and_not_a_nanosecond_longer() {
        let clock = ManualClock::new();
        let entry = Entry::new(7u8, Meta::new(clock.now(), clock.now().after(Duration::from_millis(5))));
        clock.advance(Duration::from_nanos(4_999_999));
        assert!(entry.is_alive(&clock));
        clock.advance(Duration::from_nanos(1));
        assert!(!entry.is_alive(&clock));
    }

    #[test]
    fn a_dead_entry_cannot_be_revived() {
        let entry = Entry::new("x", Meta::new(Time::from_nanos(1), Time::NEVER));
        assert!(entry.expire_at(Time::from_nanos(1), Time::from_nanos(9)));
        entry.kill();
        assert!(!entry.expire_at(Time::from_nanos(1), Time::NEVER));
        assert!(!entry.is_alive_at(Time::from_nanos(1)));
    }
}
