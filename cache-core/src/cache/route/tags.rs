//! Tags on one route: the generations that entries carry, and what the backend says of them now.

use std::sync::Arc;

use super::Route;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::tag::{Stamp, Tags};

impl Route {
    /// Whether the tags of these entries are of their present generations.
    pub(super) async fn stamps_stand(&self, entries: &[Arc<Entry>]) -> Result<bool> {
        let generations = self.generations(entries.iter()).await?;
        Ok(entries.iter().all(|entry| generations.allow(entry)))
    }

    /// The present generations of the tags that do not know them. Untagged entries cost nothing.
    pub(super) async fn generations(
        &self,
        entries: impl Iterator<Item = &Arc<Entry>>,
    ) -> Result<Generations> {
        let mut tags: Vec<Key> = Vec::new();
        for stamp in entries.flat_map(|entry| entry.stamps()).filter(|stamp| !stamp.is_live()) {
            if !tags.contains(stamp.tag()) {
                tags.push(stamp.tag().clone());
            }
        }
        if tags.is_empty() {
            return Ok(Generations::default());
        }
        let nonces = self.limited(self.backend.generations(&tags)).await?;
        Ok(Generations(tags.into_iter().zip(nonces).collect()))
    }

    /// The generations of these tags, for an entry that is about to be computed or set.
    pub(crate) async fn stamp(&self, tags: &Tags) -> Result<Vec<Stamp>> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let stamps = self.limited(self.backend.stamp(tags.names())).await?;
        if stamps.len() != tags.names().len() {
            return Err(Error::backend("it gave another number of stamps than there are tags"));
        }
        Ok(stamps)
    }

    /// Ends the generations of these tags. A backend that knows no tags has no tagged entry.
    pub(crate) async fn delete_tags(&self, tags: &[Key]) -> Result<()> {
        match self.limited(self.backend.delete_tags(tags)).await {
            Err(Error::Unsupported { .. }) => Ok(()),
            outcome => outcome,
        }
    }
}

/// Tags and their generations, as a server told them.
#[derive(Default)]
pub(super) struct Generations(Vec<(Key, Option<u64>)>);

impl Generations {
    /// Whether every tag that does not know by itself is of its present generation.
    pub(super) fn allow(&self, entry: &Entry) -> bool {
        entry.stamps().iter().filter(|stamp| !stamp.is_live()).all(|stamp| {
            self.0.iter().any(|(tag, nonce)| tag == stamp.tag() && *nonce == Some(stamp.nonce()))
        })
    }
}
