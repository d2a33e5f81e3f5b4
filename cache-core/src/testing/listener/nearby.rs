//! What a listener keeps near, and what it knows of changes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use crate::backend::Mark;
use crate::entry::Entry;
use crate::key::Key;
use crate::sync::{Mutex, MutexGuard};
use crate::tag::{Generation, Stamp};
use crate::testing::wire::{Change, Told};

/// Shared by the clones of a listener.
#[derive(Default)]
pub(super) struct Nearby(Mutex<Table>);

#[derive(Default)]
pub(super) struct Table {
    entries: HashMap<Key, Arc<Entry>>,
    /// How often each key, and each tag, was changed since the connection stands.
    changes: HashMap<Change, u32>,
    /// Generations that stand until told otherwise.
    tags: HashMap<Key, (u64, Generation)>,
    /// Connections so far.
    connections: u32,
    pub(super) lost: bool,
    pub(super) holds: bool,
    pub(super) waiting: VecDeque<Change>,
}

impl Nearby {
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told for Nearby {
    fn told(&self, change: &Change) {
        let mut table = self.table();
        if table.lost {
        } else if table.holds {
            table.waiting.push_back(change.clone());
        } else {
            table.change(change);
        }
    }
}

impl Table {
    pub(super) fn mark(&self, what: &Change) -> Option<Mark> {
        let changes = self.changes.get(what).copied().unwrap_or_default();
        (!self.lost).then_some(Mark(u64::from(self.connections) << 32 | u64::from(changes)))
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries.get(&Key::from(key)).filter(|_| !self.lost)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn keep(&mut self, key: &Key, mark: Mark, entry: &Arc<Entry>) {
        if self.mark(&Change::Key(key.clone())) == Some(mark) {
            self.entries.insert(key.clone(), Arc::clone(entry));
        }
    }

    /// The generation that was read.
    pub(super) fn know(&mut self, tag: &Key, mark: Option<Mark>, nonce: Option<u64>) {
        if mark.is_none() || self.mark(&Change::Tag(tag.clone())) != mark {
            return;
        }
        match (nonce, self.tags.get(tag)) {
            (Some(nonce), Some((known, _))) if *known == nonce => {}
            (Some(nonce), _) => {
                self.end(tag);
                self.tags.insert(tag.clone(), (nonce, Generation::of(nonce)));
            }
            (None, _) => self.end(tag),
        }
    }

    pub(super) fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        let (known, generation) = self.tags.get(tag)?;
        (*known == nonce).then(|| Stamp::live(tag.clone(), generation))
    }

    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Key(key) => drop(self.entries.remove(key)),
            Change::Tag(tag) => self.end(tag),
            Change::All => return self.reconnect(),
        }
        *self.changes.entry(change.clone()).or_default() += 1;
    }

    /// Those keys were written.
    pub(super) fn change_where(&mut self, goes: impl Fn(&Key) -> bool) {
        self.entries.retain(|key, _| !goes(key));
        // Reads under way have marks of before.
        self.connections += 1;
    }

    fn end(&mut self, tag: &Key) {
        if let Some((_, generation)) = self.tags.remove(tag) {
            generation.end();
        }
    }

    /// Nothing is known any more.
    pub(super) fn reconnect(&mut self) {
        self.entries.clear();
        self.changes.clear();
        self.waiting.clear();
        self.tags.drain().for_each(|(_, (_, generation))| generation.end());
        self.connections += 1;
    }
}
