//! Where calls are written down while somebody detects.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Calls, DetectedCall};
use crate::scope;

/// A list without end would be a leak of whoever detects a whole service.
const MOST: usize = 10_000;

/// Shared by the detection that asks and the scopes that carry it.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    calls: Vec<DetectedCall>,
    left_out: u64,
    closed: bool,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    fn push(&self, call: &DetectedCall) {
        let mut records = self.records();
        if records.closed {
            return;
        }
        if records.calls.len() < MOST {
            records.calls.push(call.clone());
        } else {
            records.left_out += 1;
        }
    }

    /// What was written down. Nothing is from now on.
    pub(super) fn close(&self) -> Calls {
        let mut records = self.records();
        records.closed = true;
        Calls::new(std::mem::take(&mut records.calls), std::mem::take(&mut records.left_out))
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Recorder {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// Tells a call of the running code to all who detect it.
pub(crate) fn record(call: impl FnOnce() -> DetectedCall) {
    let recorders = scope::recorders();
    if recorders.is_empty() {
        return;
    }
    // Made outside any lock: it asks the user's clock.
    let call = call();
    recorders.iter().for_each(|recorder| recorder.push(&call));
}
