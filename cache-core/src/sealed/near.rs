//! What is kept near: decoded, and only what this very envelope was around.
//!
//! Two routes over one backend may trust different secrets. What one of them has verified, the other has not.

use std::sync::Arc;

use super::Sealed;
use crate::backend::{Mark, Near, Offer, Peek};
use crate::entry::Entry;
use crate::key::{Key, KeyRef};
use crate::tag::Stamp;

impl Sealed {
    /// The place near for what is read next, if there is one.
    pub(super) fn offer(&self, key: &Key) -> Option<Offer> {
        if !self.has_near {
            return None;
        }
        let mark = self.inner.near()?.mark(key)?;
        Some(Offer { key: key.clone(), mark })
    }

    /// The entry with its offer. What is kept as it is has no times or tags of its own, and this is its only holder.
    pub(super) fn offered(&self, entry: Arc<Entry>, offer: Option<Offer>) -> Arc<Entry> {
        match (offer, entry.downcast_ref::<i64>().copied()) {
            (None, _) => entry,
            (Some(offer), None) => entry.offered(offer),
            (Some(offer), Some(number)) => {
                let mut meta = entry.meta();
                meta.opener = self.id;
                Entry::new(number, meta).offered(offer)
            }
        }
    }

    pub(super) fn peek_near(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        let mut peek = Peek::Remote;
        self.inner.peek(key, &mut |entry| {
            if entry.times().opener == self.id {
                peek = Peek::Found;
                show(entry);
            }
        });
        peek
    }
}

impl Near for Sealed {
    fn mark(&self, key: &Key) -> Option<Mark> {
        self.inner.near()?.mark(key)
    }

    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>) {
        if let Some(near) = self.inner.near() {
            near.keep(key, mark, entry);
        }
    }

    fn get(&self, key: KeyRef<'_>) -> Option<Arc<Entry>> {
        self.inner.near()?.get(key).filter(|entry| entry.times().opener == self.id)
    }

    fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        self.inner.near()?.stamp(tag, nonce)
    }
}
