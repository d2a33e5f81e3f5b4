//! What lies near, without what is to be removed.

use std::sync::Arc;

use super::Steady;
use super::kept::Concern;
use crate::backend::{Mark, Near};
use crate::entry::Entry;
use crate::key::{Key, KeyRef};
use crate::tag::Stamp;

impl Near for Steady {
    fn mark(&self, key: &Key) -> Option<Mark> {
        if self.concerns(key) { None } else { self.inner.near()?.mark(key) }
    }

    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>) {
        if let Some(near) = self.inner.near() {
            near.keep(key, mark, entry);
        }
    }

    fn get(&self, key: KeyRef<'_>) -> Option<Arc<Entry>> {
        if self.status.keeps() && self.state().kept.concern(key.as_str()) != Concern::No {
            return None;
        }
        self.inner.near()?.get(key).filter(|entry| !self.concerns_tag_of(entry.stamps()))
    }

    fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        let is_over = self.status.keeps() && self.state().kept.concerns_tag(tag);
        if is_over { None } else { self.inner.near()?.stamp(tag, nonce) }
    }
}
