//! What a route of bytes remembers of the answers that `#[fail]` keeps there.

use std::sync::Arc;

use super::Route;
use crate::cache::fills::Fills;
use crate::cache::lasts::Last;
use crate::clock::Time;
use crate::entry::Entry;
use crate::key::Key;

impl Route {
    /// Whether this is the answer that is stored, and lately was; then its age counts from `now`.
    pub(crate) fn renew(&self, key: &Key, digest: u64, now: Time, good_until: Time) -> bool {
        self.fills.lasts.renew(key, digest, now, good_until)
    }

    /// Notes an answer that is about to be stored. Noted before, so that whatever deletes the key meanwhile forgets it.
    pub(crate) fn note(&self, key: &Key, last: Last) -> Noted {
        self.fills.lasts.note(key, last);
        Noted { fills: Arc::clone(&self.fills), key: key.clone(), last: Some(last) }
    }

    /// Until when an entry may be used.
    pub(crate) fn good_until(&self, key: &Key, entry: &Entry) -> Time {
        self.fills.lasts.good_until(key, entry.meta())
    }
}

/// A note of an answer that is being stored; taken back when dropped before it is.
#[must_use = "dropped, the note is taken back"]
pub(crate) struct Noted {
    fills: Arc<Fills>,
    key: Key,
    last: Option<Last>,
}

impl Noted {
    /// The answer is stored.
    pub(crate) fn stands(mut self) {
        self.last = None;
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(last) = self.last {
            self.fills.lasts.take_back(&self.key, last);
        }
    }
}
