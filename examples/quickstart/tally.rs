//! Counts what really happened: the cache tells every call's outcome to its observer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use macadamia::{Event, EventKind};

/// Events since the last [`Tally::take`].
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Answers that came from the cache.
    pub(crate) hits: usize,
    /// The keys for which a function ran.
    pub(crate) computed: Vec<String>,
}

impl Tally {
    pub(crate) fn note(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Hit => self.counts().hits += 1,
            EventKind::Computed => self.counts().computed.push(event.key.to_owned()),
            _ => {}
        }
    }

    /// What was counted; counting begins anew.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.counts())
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
