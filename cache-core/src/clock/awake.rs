//! The time a machine slept, which its monotonic clock leaves out.
//!
//! A virtual machine that was suspended for two hours goes on where it stopped: what was to live for a minute would be
//! two hours old. The clock of time since boot counts the sleep, but has no cheap reading; so the cheap one is moved by
//! what was slept, and the two are compared once in a while.

use std::sync::atomic::{AtomicU64, Ordering};

/// How long the machine must have run since the last look for another one.
const LOOK_AFTER: u64 = 1_000_000_000;

/// What was slept, as far as is known.
#[derive(Debug, Default)]
pub(super) struct Awake {
    slept: AtomicU64,
    look_at: AtomicU64,
}

impl Awake {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { slept: AtomicU64::new(0), look_at: AtomicU64::new(0) }
    }

    /// A time of the monotonic clock, with what was slept. `slept` reads both clocks, that of boot first, so that what
    /// it tells is never too much.
    #[inline]
    pub(super) fn with_sleep(&self, monotonic: u64, slept: fn() -> u64) -> u64 {
        if monotonic >= self.look_at.load(Ordering::Relaxed) {
            self.look(monotonic, slept);
        }
        monotonic.saturating_add(self.slept.load(Ordering::Relaxed))
    }

    #[cold]
    #[inline(never)]
    fn look(&self, monotonic: u64, slept: fn() -> u64) {
        // Two clocks are not read at one instant, so that each look tells a little less than it was.
        self.slept.fetch_max(slept(), Ordering::Relaxed);
        self.look_at.store(monotonic.saturating_add(LOOK_AFTER), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_was_slept_counts_a_second_after_waking_at_the_latest() {
        const TWO_HOURS: u64 = 7_200 * SECOND;
        let awake = Awake::new();
        assert_eq!(awake.with_sleep(5 * SECOND, || 0), 5 * SECOND);
        assert_eq!(awake.with_sleep(5 * SECOND + 1, || TWO_HOURS), 5 * SECOND + 1, "it looks once a second");
        assert_eq!(awake.with_sleep(6 * SECOND, || TWO_HOURS), 6 * SECOND + TWO_HOURS);
        assert_eq!(awake.with_sleep(6 * SECOND + 1, || TWO_HOURS), 6 * SECOND + 1 + TWO_HOURS);
    }

    #[test]
    fn a_look_that_tells_less_takes_nothing_back() {
        let awake = Awake::new();
        assert_eq!(awake.with_sleep(SECOND, || SECOND), 2 * SECOND);
        assert_eq!(awake.with_sleep(3 * SECOND, || SECOND - 100), 4 * SECOND);
    }
}
