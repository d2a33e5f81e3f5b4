//! The server's time: what all who share the server agree on.
//!
//! What it told lies between the moments at which it was asked and at which it answered; from there it is run on by the
//! clock of the cache. Nearer than [`NEAR`] it is not put right, so that time does not tremble with the network.
//!
//! That clock may be moved by a test's hand, and then the server's time goes along; and it goes on while the machine is
//! suspended, which the monotonic clock does not. So both are kept, and as long as what is told agrees with one of them,
//! it is the other that has stood still or was moved.
//!
//! The servers of a cluster have clocks of their own. What is sealed in envelopes is in the time in the middle of theirs,
//! so that one that is wrong moves nothing; a lock or a limit goes by the clock of the server it lies on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache_core::{Clock, Moment, SystemClock, Time};

/// How far our idea of the server's time may be off.
const NEAR: i128 = 25_000_000;

/// Which server tells: of a single server, the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source(pub(super) u32);

/// What is known of the server's time.
#[derive(Debug)]
pub(super) struct ServerClock {
    origin: Instant,
    /// Of the first cache that routes here.
    attached: OnceLock<Arc<dyn Clock>>,
    told: Mutex<Told>,
}

/// What the servers have told.
#[derive(Debug, Default)]
struct Told {
    by: BTreeMap<Source, Known>,
    /// In the middle of those.
    middle: Option<Known>,
}

impl Told {
    fn of(&self, source: Source) -> Option<Known> {
        self.by.get(&source).copied().or(self.middle)
    }

    fn settle(&mut self) {
        let mut all: Vec<Known> = self.by.values().copied().collect();
        all.sort_unstable_by_key(|known| known.of_attached);
        let Some(middle) = all.get(all.len().saturating_sub(1) / 2) else { return };
        let before = self.middle.unwrap_or(*middle).of_attached;
        let is_near = (before - middle.of_attached).abs() <= NEAR;
        self.middle =
            Some(Known { of_attached: if is_near { before } else { middle.of_attached }, ..*middle });
    }
}

/// By how much a server's time is ahead, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Of the monotonic clock, counted from the origin.
    of_monotonic: i128,
    /// Of the attached clock.
    of_attached: i128,
}

impl ServerClock {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), attached: OnceLock::new(), told: Mutex::default() }
    }

    pub(super) fn attach(&self, clock: &Arc<dyn Clock>) {
        let mut told = self.lock();
        if self.attached.set(Arc::clone(clock)).is_ok() {
            let ahead = self.ahead();
            let all = told.by.values_mut();
            all.for_each(|known| known.of_attached = known.of_monotonic - ahead);
            told.middle = None;
            told.settle();
        }
    }

    /// A server has told its time, in nanoseconds since 1970, between two moments.
    pub(super) fn learn(&self, source: Source, time: u64, sent: Instant, received: Instant) {
        let time = i128::from(time);
        let (earliest, latest) = (time - self.since_origin(received), time - self.since_origin(sent));
        let (middle, ahead) = (i128::midpoint(earliest, latest), self.ahead());
        let agrees = |offset: i128| (earliest - offset).max(offset - latest) <= NEAR;
        let mut told = self.lock();
        // Who has not told yet is taken at the word of the others, if that may be.
        let known = match told.of(source) {
            None => Known { of_monotonic: middle, of_attached: middle - ahead },
            Some(known) if agrees(known.of_monotonic) => known,
            Some(known) if agrees(known.of_attached + ahead) => {
                Known { of_monotonic: known.of_attached + ahead, ..known }
            }
            Some(Known { of_monotonic, of_attached }) => {
                Known { of_monotonic: middle, of_attached: of_attached + middle - of_monotonic }
            }
        };
        told.by.insert(source, known);
        told.settle();
    }

    /// By the clock of the cache, a little behind.
    pub(super) fn coarse(&self) -> Time {
        self.clock().coarse()
    }

    /// Others have nothing to do with the cluster any more.
    pub(super) fn keep(&self, is_kept: impl Fn(Source) -> bool) {
        let mut told = self.lock();
        // Better the time of a server that is gone than none.
        if told.by.keys().any(|source| is_kept(*source)) {
            told.by.retain(|source, _| is_kept(*source));
            told.settle();
        }
    }

    /// Whether any has told.
    pub(super) fn is_known(&self) -> bool {
        self.lock().middle.is_some()
    }

    /// Now, by the clock of the cache and by the servers; by the wall here where none has told yet.
    pub(super) fn moment(&self) -> Moment {
        self.told().unwrap_or_else(|| Moment::of(self.clock()))
    }

    /// How the two times go together, a little behind: to turn one into the other.
    pub(super) fn pair(&self) -> Moment {
        let clock = self.clock();
        let time = clock.coarse();
        match self.lock().middle {
            Some(known) => Moment { time, wall: nanos(i128::from(time.as_nanos()) + known.of_attached) },
            None => Moment::of(clock),
        }
    }

    /// Now, by one of the servers.
    pub(super) fn moment_by(&self, source: Source) -> Moment {
        let known = self.lock().of(source);
        known.map_or_else(|| Moment::of(self.clock()), |known| self.run_on(known))
    }

    /// Now, where any has told.
    pub(super) fn told(&self) -> Option<Moment> {
        let known = self.lock().middle;
        known.map(|known| self.run_on(known))
    }

    /// What a server itself would say now, in milliseconds: moved by nobody's hand.
    pub(super) fn untouched(&self, source: Source) -> u64 {
        let ahead = self.lock().of(source).map_or(0, |known| known.of_monotonic);
        nanos(ahead + self.since_origin(Instant::now())) / 1_000_000
    }

    fn run_on(&self, known: Known) -> Moment {
        let time = self.clock().now();
        Moment { time, wall: nanos(i128::from(time.as_nanos()) + known.of_attached) }
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

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
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
        clock.learn(Source::default(), time, now, now);
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
        assert!(clock.untouched(Source::default()).abs_diff(5_000_000) < 1_000);
    }

    #[test]
    fn a_small_difference_is_the_network_and_a_large_one_is_a_clock_that_was_set() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(Source::default(), 5_000 * SECOND, now, now);
        let before = clock.moment();
        clock.learn(Source::default(), 5_000 * SECOND + SECOND / 100, now, now);
        assert_eq!(clock.moment(), before, "10 ms are not put right");
        clock.learn(Source::default(), 5_100 * SECOND, now, now);
        assert_eq!(clock.moment().wall - before.wall, 100 * SECOND);
    }

    #[test]
    fn an_answer_that_took_long_tells_little() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(Source::default(), 5_000 * SECOND, now, now);
        let before = clock.moment();
        clock.learn(Source::default(), 5_003 * SECOND, now, now + Duration::from_secs(4));
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
        assert!(clock.untouched(Source::default()).abs_diff(8_600_000) < 1_000);
    }

    #[test]
    fn a_clock_that_is_attached_later_knows_what_was_told_before() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        told(&clock, 5_000 * SECOND);
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        let moment = clock.moment();
        assert!(moment.time == hand.now() && moment.wall.abs_diff(5_000 * SECOND) < SECOND, "{moment:?}");
    }

    #[test]
    fn the_time_of_a_cluster_lies_in_the_middle_and_each_server_has_its_own() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand) as Arc<dyn Clock>));
        let now = Instant::now();
        let near = |moment: Moment, seconds: u64| moment.wall.abs_diff(seconds * SECOND) < SECOND;
        for (source, time) in [(1, 5_000), (2, 9_000), (3, 5_010)] {
            clock.learn(Source(source), time * SECOND, now, now);
        }
        assert!(near(clock.moment(), 5_010));
        assert!(near(clock.moment_by(Source(2)), 9_000) && near(clock.moment_by(Source(4)), 5_010));
        clock.keep(|source| source == Source(2));
        assert!(near(clock.moment(), 9_000));
        clock.keep(|_| false);
        assert!(clock.is_known(), "the last is not forgotten");
        let before = clock.moment();
        clock.learn(Source(1), 9_000 * SECOND - SECOND / 100, now, now);
        assert_eq!(clock.moment(), before, "10 ms are not put right");
    }

    #[test]
    fn a_server_that_tells_later_is_moved_by_hand_as_the_others_are() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(Source(1), 5_000 * SECOND, now, now);
        hand.advance(Duration::from_secs(3_600));
        clock.learn(Source(2), 5_000 * SECOND, now, now);
        let [one, other] = [1, 2].map(|source| clock.moment_by(Source(source)).wall);
        assert!(one.abs_diff(8_600 * SECOND) < SECOND && other.abs_diff(one) < SECOND, "{one} {other}");
    }

    #[test]
    fn a_server_that_tells_after_a_suspension_tells_the_time() {
        let (clock, hand) = (ServerClock::new(), ManualClock::new());
        clock.attach(&(Arc::new(hand.clone()) as Arc<dyn Clock>));
        let now = Instant::now();
        clock.learn(Source(1), 5_000 * SECOND, now, now);
        hand.advance(Duration::from_secs(3_600));
        clock.learn(Source(2), 8_600 * SECOND, now, now);
        assert!(clock.moment_by(Source(2)).wall.abs_diff(8_600 * SECOND) < SECOND);
    }
}
