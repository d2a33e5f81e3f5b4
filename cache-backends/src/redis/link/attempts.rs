//! How often a connection is tried: at once, then after pauses that double, each at random up to its bound.

use std::time::{Duration, Instant};

use cache_core::Error;

/// The bound of the first pause.
const FIRST: Duration = Duration::from_millis(20);

/// The bound of every later one. Short: whoever asks is not kept waiting meanwhile, but told at once.
const LONGEST: Duration = Duration::from_secs(1);

/// What came of the last attempts.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
    last: Option<(Instant, Error)>,
}

impl Attempts {
    /// Why it is too early for another attempt, if it is.
    pub(super) fn pause(&self, now: Instant) -> Option<Error> {
        let (until, error) = self.last.as_ref()?;
        (now < *until).then(|| error.clone())
    }

    /// Why the last one failed, if it did.
    pub(super) fn error(&self) -> Option<Error> {
        self.last.as_ref().map(|(_, error)| error.clone())
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Instant, error: Error) {
        let bound = FIRST.saturating_mul(1 << self.failed.min(16)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        let pause = bound.mul_f64(fastrand::f64());
        self.last = Some((now + pause, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_end_with_a_success() {
        let (now, mut attempts) = (Instant::now(), Attempts::default());
        assert!(attempts.pause(now).is_none());
        let mut longest = Duration::ZERO;
        for failure in 0..200_u32 {
            attempts.failed(now, Error::unavailable("redis", "refused"));
            let pause = attempts.last.as_ref().unwrap().0 - now;
            assert!(pause <= FIRST * 2_u32.pow(failure.min(6)), "pause {failure} is {pause:?}");
            assert!(attempts.pause(now + LONGEST).is_none());
            longest = longest.max(pause);
        }
        assert!(longest > LONGEST / 2 && longest <= LONGEST, "{longest:?}");
        attempts.succeeded();
        assert!(attempts.pause(now).is_none());
    }
}
