//! The server's time: what all who share the server agree on.
//!
//! What it told lies between the moments at which it was asked and at which it answered; from there it is run on by the
//! clock of the cache. Nearer than [`NEAR`] it is not put right, so that time does not tremble with the network.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache_core::{Clock, Moment, SystemClock};

/// How far our idea of the server's time may be off.
const NEAR: i128 = 25_000_000;

/// What is known of the server's time.
#[derive(Debug)]
pub(super) struct ServerClock {
    origin: Instant,
    /// The server's time at the origin, if it has told.
    at_origin: Mutex<Option<i128>>,
    /// The clock of the first cache that routes here, and how far it was ahead of the origin.
    attached: OnceLock<Attached>,
}

#[derive(Debug)]
struct Attached {
    clock: Arc<dyn Clock>,
    /// What our monotonic clock, and what that clock told at one moment.
    ours: i128,
    theirs: i128,
}

impl ServerClock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), at_origin: Mutex::default(), attached: OnceLock::new() }
    }

    pub(super) fn attach(&self, clock: &Arc<dyn Clock>) {
        self.attached.get_or_init(|| Attached {
            clock: Arc::clone(clock),
            ours: self.since_origin(Instant::now()),
            theirs: i128::from(clock.now().as_nanos()),
        });
    }

    /// The server has told its time, in nanoseconds since 1970, between two moments.
    pub(super) fn learn(&self, told: u64, sent: Instant, received: Instant) {
        let told = i128::from(told);
        let (earliest, latest) = (told - self.since_origin(received), told - self.since_origin(sent));
        let mut at_origin = self.at_origin();
        let believed = at_origin.unwrap_or(i128::midpoint(earliest, latest));
        let off = (earliest - believed).max(believed - latest);
        *at_origin = Some(if off > NEAR { i128::midpoint(earliest, latest) } else { believed });
    }

    /// Whether it has told.
    pub(super) fn is_known(&self) -> bool {
        self.at_origin().is_some()
    }

    /// Now, by the clock of the cache and by the server; by the wall here where the server has not told yet.
    pub(super) fn moment(&self) -> Moment {
        self.told().unwrap_or_else(|| match self.attached.get() {
            Some(attached) => Moment::of(&*attached.clock),
            None => Moment::of(&SystemClock),
        })
    }

    /// Now, where the server has told.
    pub(super) fn told(&self) -> Option<Moment> {
        let at_origin = (*self.at_origin())?;
        let Some(Attached { clock, ours, theirs }) = self.attached.get() else {
            let server = at_origin + self.since_origin(Instant::now());
            return Some(Moment { wall: nanos(server), ..Moment::of(&SystemClock) });
        };
        let time = clock.now();
        // It may be moved by hand, and then the server's time goes along.
        let server = at_origin + ours + (i128::from(time.as_nanos()) - theirs);
        Some(Moment { time, wall: nanos(server) })
    }

    /// What the server itself would say now, in milliseconds: moved by nobody's hand.
    pub(super) fn untouched(&self) -> u64 {
        let at_origin = self.at_origin().unwrap_or_default();
        nanos(at_origin + self.since_origin(Instant::now())) / 1_000_000
    }

    fn since_origin(&self, at: Instant) -> i128 {
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        match at.checked_duration_since(self.origin) {
            Some(since) => nanos(since),
            None => -nanos(self.origin.saturating_duration_since(at)),
        }
    }

    fn at_origin(&self) -> MutexGuard<'_, Option<i128>> {
        self.at_origin.lock().unwrap_or_else(PoisonError::into_inner)
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
}
