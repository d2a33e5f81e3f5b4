//! Whether what is near may be shown: only while every connection over which the server would tell of a change is known
//! to stand.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cache_core::Time;

/// How long a connection is believed to stand after it was asked something that it has answered. So long, and no longer,
/// may a value be shown that has changed behind a wire that was cut without a word.
const BELIEVED: Duration = Duration::from_millis(1_500);

/// What is known of the connections.
#[derive(Default)]
pub(super) struct Trust {
    /// Until when they are believed to stand; the origin where they are not.
    until: AtomicU64,
    /// Whether the server tells on all of them.
    is_told: AtomicBool,
    connections: Mutex<HashMap<u64, Connection>>,
}

struct Connection {
    is_told: bool,
    /// When it was last asked something that it has answered.
    asked: Time,
}

impl Trust {
    /// Whether what is near may be shown.
    #[inline]
    pub(super) fn holds(&self, now: Time) -> bool {
        now.as_nanos() < self.until.load(Ordering::Acquire)
    }

    /// Whether what is read may be kept.
    pub(super) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::SeqCst)
    }

    /// A connection is open, and nothing was read over it yet.
    pub(super) fn opened(&self, connection: u64, is_told: bool, now: Time) {
        self.change(|connections| {
            connections.insert(connection, Connection { is_told, asked: now });
        });
    }

    /// It was asked something, and has answered.
    pub(super) fn heard(&self, connection: u64, asked: Time) {
        self.change(|connections| {
            if let Some(connection) = connections.get_mut(&connection) {
                connection.asked = connection.asked.max(asked);
            }
        });
    }

    pub(super) fn lost(&self, connection: u64) {
        self.change(|connections| {
            connections.remove(&connection);
        });
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<u64, Connection>)) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut connections);
        let is_told = !connections.is_empty() && connections.values().all(|connection| connection.is_told);
        let asked = connections.values().map(|connection| connection.asked).min();
        let until = asked.filter(|_| is_told).map_or(Time::ORIGIN, |asked| asked.after(BELIEVED));
        self.is_told.store(is_told, Ordering::SeqCst);
        self.until.store(until.as_nanos(), Ordering::SeqCst);
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("until", &Time::from_nanos(self.until.load(Ordering::Relaxed)))
            .field("is_told", &self.is_told())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_connection_that_answers_is_believed_for_so_long_and_no_longer() {
        let trust = Trust::default();
        assert!(!trust.holds(at(1)) && !trust.is_told());
        trust.opened(1, true, at(1_000));
        assert!(trust.holds(at(2_499)) && !trust.holds(at(2_500)));
        assert!(trust.is_told(), "what is read now may be shown once it answers again");
        trust.heard(1, at(2_000));
        assert!(trust.holds(at(3_499)) && !trust.holds(at(3_500)));
        trust.heard(1, at(1_500));
        assert!(trust.holds(at(3_499)), "an answer that was overtaken proves no less");
    }

    #[test]
    fn the_one_that_was_heard_of_longest_ago_decides_for_all() {
        let trust = Trust::default();
        trust.opened(1, true, at(1_000));
        trust.opened(2, true, at(2_000));
        trust.heard(2, at(9_000));
        assert!(!trust.holds(at(2_500)));
        trust.lost(1);
        assert!(trust.holds(at(10_499)));
        trust.heard(1, at(10_000));
        trust.lost(2);
        assert!(!trust.holds(at(2)) && !trust.is_told());
    }

    #[test]
    fn one_connection_on_which_nothing_is_told_is_enough_to_believe_nothing() {
        let trust = Trust::default();
        trust.opened(1, true, at(1_000));
        trust.opened(2, false, at(1_000));
        trust.heard(2, at(2_000));
        assert!(!trust.holds(at(1_001)) && !trust.is_told());
        trust.lost(2);
        assert!(trust.holds(at(1_001)) && trust.is_told());
    }
}
