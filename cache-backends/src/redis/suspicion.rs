//! Answers that are not to what was asked.
//!
//! One connection cannot mix them up here, but something between it and the server could, and then every answer on it
//! would be another's. An entry is bound to its key, so it shows; a damaged one looks the same, so connections are not
//! replaced for each.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::link::Link;

/// How long connections are believed that replaced suspected ones.
const BELIEVED: Duration = Duration::from_secs(10);

/// When connections were last suspected.
#[derive(Debug, Default)]
pub(super) struct Suspicion(Mutex<Option<Instant>>);

impl Suspicion {
    /// Has every connection replaced; whoever waits on one is answered there.
    pub(super) fn act(&self, link: &Link) {
        if self.is_due(Instant::now()) {
            link.close();
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= BELIEVED);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_not_replaced_for_each_damaged_entry() {
        let (suspicion, now) = (Suspicion::default(), Instant::now());
        assert!(suspicion.is_due(now));
        assert!(!suspicion.is_due(now + BELIEVED / 2));
        assert!(suspicion.is_due(now + BELIEVED));
    }
}
