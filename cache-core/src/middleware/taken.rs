//! Rights to fill on their way through a chain.

use std::sync::{Mutex, PoisonError};

use crate::backend::{Backend, Fill};
use crate::key::Key;

/// The rights to fill that were taken on behalf of a command. What is left when it ends, also by being dropped, is
/// given back.
pub(super) struct Taken<'a> {
    backend: &'a dyn Backend,
    rights: Mutex<Vec<(Key, Fill)>>,
}

impl<'a> Taken<'a> {
    pub(super) fn new(backend: &'a dyn Backend) -> Self {
        Self { backend, rights: Mutex::default() }
    }

    pub(super) fn note(&self, key: Key, fill: Fill) {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner).push((key, fill));
    }

    /// This one has arrived.
    pub(super) fn hand_over(&self, fill: Fill) -> bool {
        let mut rights = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        rights.iter().position(|(_, known)| *known == fill).map(|at| rights.swap_remove(at)).is_some()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        for (key, fill) in self.rights.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            self.backend.end_fill(&key, fill);
        }
    }
}
