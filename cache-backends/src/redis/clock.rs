//! The server's time: what all who share the server agree on.
//!
//! What it told lies between the moments at which it was asked and at which it answered; from there it is run on by the
//! clock of the cache. Nearer than [`NEAR`] it is not put right, so that time does not tremble with the network.
//!
//! That clock may be moved by a test's hand, and then the server's time goes along; and it goes on while the machine is
//! suspended, which the monotonic clock does not. So both are kept, and as long as what is told agrees with one of them,
//! it is the other that has stood still or was moved.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache_core::{Clock, Moment, SystemClock};

/// How far our idea of the server's time may be off.
const NEAR: i128 = 25_000_000;

/// What is known of the server's time.
#[derive(Debug)]
pub(super) struct ServerClock {
    origin: Instant,
    /// Of the first cache that routes here.
    attached: OnceLock<Arc<dyn Clock>>,
    known: Mutex<Option<Known>>,
}

/// By how much the server's time is ahead, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Of the monotonic clock, counted from the origin.
    of_monotonic: i128,
    /// Of the attached clock.
    of_attached: i128,
}

impl ServerClock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), attached: OnceLock::new(), known: Mutex::default() }
    }

    pub(super) fn attach(&self, clock: &Arc<dyn Clock>) {
        let mut known = self.known();
        if self.attached.set(Arc::clone(clock)).is_ok()
            && let Some(known) = &mut *known
        {
            known.of_attached = known.of_monotonic - self.ahead();
        }
    }

    /// The server has told its time, in nanoseconds since 1970, between two moments.
    pub(super) fn learn(&self, told: u64, sent: Instant, received: Instant) {
        let told = i128::from(told);
        let (earliest, latest) = (told - self.since_origin(received), told - self.since_origin(sent));
        let (middle, ahead) = (i128::midpoint(earliest, latest), self.ahead());
        let agrees = |offset: i128| (earliest - offset).max(offset - latest) <= NEAR;
        let mut known = self.known();
        *known = Some(match *known {
            None => Known { of_monotonic: middle, of_attached: middle - ahead },
            Some(known) if agrees(known.of_monotonic) => known,
            Some(known) if agrees(known.of_attached + ahead) => {
                Known { of_monotonic: known.of_attached + ahead, ..known }
            }
            Some(Known { of_monotonic, of_attached }) => {
                Known { of_monotonic: middle, of_attached: of_attached + middle - of_monotonic }
            }
        });
    }

    /// Whether it has told.
    pub(super) fn is_known(&self) -> bool {
        self.known().is_some()
    }

    /// Now, by the clock of the cache and by the server; by the wall here where the server has not told yet.
    pub(super) fn moment(&self) -> Moment {
        self.told().unwrap_or_else(|| Moment::of(self.clock()))
    }

    /// Now, where the server has told.
    pub(super) fn told(&self) -> Option<Moment> {
        let of_attached = (*self.known())?.of_attached;
        let time = self.clock().now();
        Some(Moment { time, wall: nanos(i128::from(time.as_nanos()) + of_attached) })
    }

    /// What the server itself would say now, in milliseconds: moved by nobody's hand.
    pub(super) fn untouched(&self) -> u64 {
        let ahead = self.known().map_or(0, |known| known.of_monotonic);
        nanos(ahead + self.since_origin(Instant::now())) / 1_000_000
    }

    fn clock(&self) -> &dyn Clock {
        match self.attached.get() {
            Some(clock) => &**clock,
            None => &SystemClock,
        }
    }

    /// By how much the attached clock is ahead of the monotonic one.
    fn ahead(&self) -> i128 {
        i128::from(self.clock().now().as_nanos()) - self.since_origin(Instant::now())
    }

    fn since_origin(&self, at: Instant) -> i128 {
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        match at.checked_duration_since(self.origin) {
            Some(since) => nanos(since),
            None => -nanos(self.origin.saturating_duration_since(at)),
        }
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(time: i128) -> u64 {
    u64::try_from(time.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cache_core::testing::ManualClock;

    const SECOND: u64 = 1_000_000_000;

    fn told(clock: &ServerClock, time: u64) {
        let now = Instant::now();
        clock.learn(time, now, now);
    }

    #[test]
    fn the_servers_time_goes_on_with_the_clock_of_the_cache() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        assert!(clock.told().is_none() && !clock.is_known());
        told(&clock, 5_000 * SECOND);
        let before = clock.moment();
        assert!(before.wall.abs_diff(5_000 * SECOND) < SECOND, "{before:?}");
        hand.advance(Duration::from_secs(60));
        let after = clock.moment();
        assert_eq!(after.wall - before.wall, 60 * SECOND);
        assert_eq!(after.time.since(before.time), Duration::from_secs(60));
        assert!(clock.untouched().abs_diff(5_000_000) < 1_000);
    }

    #[test]
    fn a_small_difference_is_the_network_and_a_large_one_is_a_clock_that_was_set() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(5_000 * SECOND, now, now);
        let before = clock.moment();
        clock.learn(5_000 * SECOND + SECOND / 100, now, now);
        assert_eq!(clock.moment(), before, "10 ms are not put right");
        clock.learn(5_100 * SECOND, now, now);
        assert_eq!(clock.moment().wall - before.wall, 100 * SECOND);
    }

    #[test]
    fn an_answer_that_took_long_tells_little() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(5_000 * SECOND, now, now);
        let before = clock.moment();
        clock.learn(5_003 * SECOND, now, now + Duration::from_secs(4));
        assert_eq!(clock.moment(), before);
    }

    #[test]
    fn time_that_was_slept_through_is_counted_once() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        told(&clock, 5_000 * SECOND);
        let before = clock.moment();
        // As the clock of a machine that was suspended: it has gone on, the monotonic one has not.
        hand.advance(Duration::from_secs(3_600));
        told(&clock, before.wall + 3_600 * SECOND);
        assert_eq!(clock.moment().wall - before.wall, 3_600 * SECOND);
        assert!(clock.untouched().abs_diff(8_600_000) < 1_000);
    }

    #[test]
    fn a_clock_that_is_attached_later_knows_what_was_told_before() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        told(&clock, 5_000 * SECOND);
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        let moment = clock.moment();
        assert!(moment.time == hand.now() && moment.wall.abs_diff(5_000 * SECOND) < SECOND, "{moment:?}");
    }
}
