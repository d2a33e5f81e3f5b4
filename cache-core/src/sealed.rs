//! The envelope around whatever a backend of bytes keeps.
//!
//! ```text
//! route ─► middleware ─► Sealed ─► backend of bytes
//!                          │          keeps bytes and an expiry, reads neither
//!                          └ value bytes, times, tags  ⇄  one sealed envelope
//! ```
//!
//! So kinds, versions, times and tags come back from every backend alike, and nothing in them is believed before the
//! envelope was verified. What cannot be opened is shown as an entry that says why; the cache takes it for a miss and
//! tells. The envelope's expiry rules: to move one is to seal anew.

mod count;
mod near;
mod states;
mod verbs;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::backend::{Backend, Form, Offer};
use crate::clock::{Clock, Moment, SystemClock};
use crate::entry::{Damaged, Encoded, Entry, Meta, Payload};
use crate::envelope::{Envelope, Head, Unreadable};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind, Observer};
use crate::key::Key;
use crate::tag::Stamp;

/// How far a writer's clock may be ahead of ours. What is from further in the future is not believed: it would
/// outlive its time.
const SKEW: Duration = Duration::from_secs(5);

/// How often a change is tried again that somebody else was quicker with. Each time somebody was, so this ends.
const TRIES: usize = 256;

/// Tells envelopes around one backend apart.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A number for an entry whose hits nobody counts.
pub(crate) fn nonce() -> u64 {
    fastrand::u64(1..=u64::MAX >> 1) << 1
}

/// A backend of bytes, and the envelope that its entries are in.
pub(crate) struct Sealed {
    inner: Arc<dyn Backend>,
    envelope: Envelope,
    observer: Option<Arc<dyn Observer>>,
    clock: OnceLock<Arc<dyn Clock>>,
    /// Whether the backend keeps decoded entries near.
    has_near: bool,
    id: u32,
}

impl Sealed {
    /// The backend in envelopes; one that keeps objects needs none.
    pub(crate) fn around(
        backend: Arc<dyn Backend>,
        envelope: Envelope,
        observer: Option<Arc<dyn Observer>>,
    ) -> Arc<dyn Backend> {
        match backend.form() {
            Form::Objects => backend,
            Form::Bytes => Arc::new(Self {
                has_near: backend.near().is_some(),
                inner: backend,
                envelope,
                observer,
                clock: OnceLock::new(),
                id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            }),
        }
    }

    /// Now; the wall is that of all who share the backend, so that a node whose own is wrong believes what others stored.
    fn moment(&self) -> Moment {
        let own = || self.own_moment();
        self.inner.moment().unwrap_or_else(own)
    }

    fn own_moment(&self) -> Moment {
        self.clock.get().map_or_else(|| Moment::of(&SystemClock), |clock| Moment::of(&**clock))
    }

    /// Tells of something unreadable that no answer shows.
    fn tell(&self, key: &Key, why: Unreadable) {
        if let Some(observer) = &self.observer {
            observer.on_event(&Event {
                kind: EventKind::Unreadable,
                key: key.as_str(),
                function: None,
                backend: Some(self.inner.name()),
                error: Some(&Error::Unreadable(why)),
                untold: 0,
            });
        }
    }

    /// The entry as the backend keeps it.
    fn seal(&self, key: &Key, entry: &Arc<Entry>) -> Result<Arc<Entry>> {
        if let Some(number) = entry.downcast_ref::<i64>() {
            if self.goes_plain(entry) {
                return Ok(Arc::clone(entry));
            }
            return self.sealed(key, entry, &Payload::of_number(*number));
        }
        match entry.downcast_ref::<Payload>() {
            Some(payload) => self.sealed(key, entry, payload),
            None => Err(Error::backend("only bytes go into an envelope")),
        }
    }

    fn sealed(&self, key: &Key, entry: &Entry, payload: &Payload) -> Result<Arc<Entry>> {
        let (meta, moment) = (entry.meta(), self.moment());
        let head = Head {
            kind: meta.kind,
            codec: payload.codec(),
            schema: payload.schema(),
            version: meta.version,
            stored: moment.wall_of(meta.stored),
            expires: moment.wall_of(meta.expires),
            fresh_until: moment.wall_of(meta.fresh_until),
            cost: meta.cost,
            // Two stores of one value are two.
            nonce: if meta.nonce == 0 { nonce() } else { meta.nonce },
        };
        let tags: Vec<_> = entry.stamps().iter().map(|stamp| (stamp.tag().as_str(), stamp.nonce())).collect();
        let bytes = self.envelope.seal(key.as_str(), &head, &tags, payload.bytes())?;
        Ok(entry.with_value(Encoded(bytes)))
    }

    /// What the backend kept, opened; shown as damaged if it cannot be.
    fn open(&self, key: &Key, kept: &Arc<Entry>, offer: Option<Offer>) -> Arc<Entry> {
        match self.try_open(key, kept) {
            Ok(entry) => self.offered(entry, offer),
            Err(why) => kept.with_value(Damaged(why)),
        }
    }

    fn try_open(&self, key: &Key, kept: &Arc<Entry>) -> Result<Arc<Entry>, Unreadable> {
        let moment = self.moment();
        let entry = self.open_at(moment, key, kept)?;
        let ahead = entry.times().stored.since(moment.time);
        // What is kept as it is has no time of its own.
        if kept.encoded().is_some() && ahead > SKEW { Err(Unreadable::Time) } else { Ok(entry) }
    }

    /// The same, also of what is from the future: it is ours, and to write over it would be to lose it.
    fn open_whenever(&self, key: &Key, kept: &Arc<Entry>) -> Result<Arc<Entry>, Unreadable> {
        self.open_at(self.moment(), key, kept)
    }

    fn open_at(&self, moment: Moment, key: &Key, kept: &Arc<Entry>) -> Result<Arc<Entry>, Unreadable> {
        let Some(bytes) = kept.encoded() else {
            let is_number = kept.downcast_ref::<i64>().is_some();
            return match (is_number, self.envelope.is_signed()) {
                (true, false) => Ok(Arc::clone(kept)),
                (true, true) => Err(Unreadable::Unsigned),
                (false, _) => Err(Unreadable::Foreign),
            };
        };
        let opened = self.envelope.open(key.as_str(), bytes).inspect_err(|why| {
            if matches!(why, Unreadable::Damaged | Unreadable::Signature) {
                self.inner.suspect();
            }
        })?;
        let head = opened.head;
        let mut meta =
            Meta::new(moment.time_of(head.stored), moment.time_of(head.expires).min(kept.expires()));
        meta.kind = head.kind;
        meta.fresh_until = moment.time_of(head.fresh_until);
        meta.cost = head.cost;
        meta.version = head.version;
        meta.nonce = head.nonce;
        meta.opener = self.id;
        let stamps = opened.tags.into_iter().map(|(tag, nonce)| Stamp::new(tag, nonce)).collect();
        let payload = Payload::new(head.codec, head.schema, opened.payload).sealed_as(bytes.clone());
        Ok(Entry::new(payload, meta).stamped(stamps))
    }

    /// Changes an entry that is there: what `change` makes of it takes its place, unless somebody was quicker, then it
    /// is asked again. `false` if there is none.
    async fn replace(
        &self,
        key: &Key,
        mut change: impl FnMut(&Arc<Entry>) -> Result<Arc<Entry>> + Send,
    ) -> Result<bool> {
        for _ in 0..TRIES {
            let Some(kept) = self.inner.get(key).await? else { return Ok(false) };
            let entry = match self.try_open(key, &kept) {
                Ok(entry) => entry,
                Err(why) => {
                    self.tell(key, why);
                    return Ok(false);
                }
            };
            if entry.expires() <= self.moment().time || !self.stands(&entry).await? {
                return Ok(false);
            }
            let changed = self.seal(key, &change(&entry)?)?;
            if self.inner.reseal(key, &kept, changed).await? {
                return Ok(true);
            }
        }
        Err(Error::backend(format_args!("`{key}` changed {TRIES} times while it was to be changed")))
    }

    /// Whether what the backend keeps is this entry, whatever its expiry.
    fn is_same(&self, key: &Key, kept: &Arc<Entry>, entry: &Entry) -> bool {
        self.try_open(key, kept).is_ok_and(|now| now.identity() == entry.identity())
    }

    /// Whether the tags of an entry stand.
    async fn stands(&self, entry: &Entry) -> Result<bool> {
        let tags: Vec<Key> = entry.stamps().iter().map(|stamp| stamp.tag().clone()).collect();
        if tags.is_empty() {
            return Ok(true);
        }
        let present = self.inner.generations(&tags).await?;
        Ok(entry.stamps().iter().zip(present).all(|(stamp, present)| present == Some(stamp.nonce())))
    }
}
