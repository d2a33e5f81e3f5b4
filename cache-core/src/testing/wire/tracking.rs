//! Whom the server tells when something changes: everybody who has read it since they were last told.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::key::Key;

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::testing) enum Change {
    Key(Key),
    Tag(Key),
    All,
}

/// Who is told.
pub(in crate::testing) trait Told: Send + Sync {
    fn told(&self, change: &Change);
}

/// Who has read what.
#[derive(Default)]
pub(in crate::testing) struct Tracking {
    readers: HashMap<Change, Vec<Weak<dyn Told>>>,
}

impl Tracking {
    /// From now on `reader` is told of the next change.
    pub(in crate::testing) fn remember(&mut self, what: Change, reader: &Arc<dyn Told>) {
        let readers = self.readers.entry(what).or_default();
        if !readers.iter().any(|known| std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(reader))) {
            readers.push(Arc::downgrade(reader));
        }
    }

    /// It has changed.
    pub(super) fn tell(&mut self, what: &Change) {
        let readers = self.readers.remove(what).unwrap_or_default();
        readers.iter().filter_map(Weak::upgrade).for_each(|reader| reader.told(what));
    }

    /// Everything has.
    pub(super) fn tell_all(&mut self) {
        let mut readers: Vec<Arc<dyn Told>> = Vec::new();
        for reader in self.readers.drain().flat_map(|(_, readers)| readers) {
            if let Some(reader) = reader.upgrade()
                && !readers.iter().any(|known| Arc::ptr_eq(known, &reader))
            {
                readers.push(reader);
            }
        }
        readers.iter().for_each(|reader| reader.told(&Change::All));
    }
}
