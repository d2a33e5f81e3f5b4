//! The pulse: while what is near is used, every connection is asked each second whether it stands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cache_core::{Clock, SystemClock, Time};
use tokio::runtime::Handle;

use super::Nearby;
use crate::memory::shelf::{STRIPES, stripe_of};

/// How often.
const PULSE: Duration = Duration::from_secs(1);

/// Who has not asked for so long does not go on.
const STUCK: Duration = Duration::from_millis(2_500);

/// Without any use for so many beats it stops, until there is one.
const IDLE: u32 = 10;

/// Nothing is kept for longer, whatever its own time: should a server ever not tell, this is the end of it.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Nearby {
    /// Begins to ask, unless somebody does.
    #[cold]
    pub(super) fn wake(self: &Arc<Self>) {
        if !self.trust.is_told() {
            return;
        }
        let Some(turn) = self.pulse.begin(SystemClock.now()) else { return };
        let beat = Beat { near: Arc::downgrade(self), pulse: Arc::clone(&self.pulse), turn };
        // Where there is no runtime it is dropped, and the next one tries.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(beat.go());
        }
    }

    /// Asks all of them, for no longer than until the next time.
    async fn beat(&self) {
        let asked = SystemClock.now();
        let pings = std::pin::pin!(self.link.ping(|connection| self.trust.heard(connection, asked)));
        futures_util::future::select(pings, SystemClock.sleep_until(asked.after(PULSE))).await;
        self.sweep();
    }

    /// Takes out what has expired, and bit by bit what is old.
    fn sweep(&self) {
        let now = self.store.now();
        for stripe in 0..STRIPES {
            self.store.purge(stripe, now);
        }
        for stripe in self.sweep.due(SystemClock.now()) {
            self.store.delete_where(|key| stripe_of(key.hash()) == stripe);
        }
    }
}

/// The task that asks. However it ends, another may begin.
struct Beat {
    near: Weak<Nearby>,
    pulse: Arc<Pulse>,
    turn: u64,
}

impl Beat {
    async fn go(self) {
        let mut idle = 0;
        while idle < IDLE {
            let now = SystemClock.now();
            if !self.pulse.goes_on(self.turn, now) {
                return;
            }
            let next = now.after(PULSE);
            let Some(near) = self.near.upgrade() else { return };
            near.beat().await;
            idle = if near.is_used.swap(false, Ordering::Relaxed) { 0 } else { idle + 1 };
            // Not kept alive while nothing is done.
            drop(near);
            SystemClock.sleep_until(next).await;
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.pulse.end(self.turn);
    }
}

/// Who asks, and when that was last begun. One whose runtime stands still is followed by another.
#[derive(Default)]
pub(super) struct Pulse(Mutex<Turns>);

#[derive(Default)]
struct Turns {
    last: u64,
    begun: Option<Time>,
}

impl Pulse {
    /// A turn, unless somebody has it and goes on.
    fn begin(&self, now: Time) -> Option<u64> {
        let mut turns = self.turns();
        if turns.begun.is_some_and(|begun| now.since(begun) < STUCK) {
            return None;
        }
        turns.last += 1;
        turns.begun = Some(now);
        Some(turns.last)
    }

    fn goes_on(&self, turn: u64, now: Time) -> bool {
        let mut turns = self.turns();
        if turns.last == turn {
            turns.begun = Some(now);
        }
        turns.last == turn
    }

    fn end(&self, turn: u64) {
        let mut turns = self.turns();
        if turns.last == turn {
            turns.begun = None;
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which part of what is near is old: each of its stripes goes in its turn.
#[derive(Default)]
pub(super) struct Sweep {
    /// How many turns there have been since the clock began.
    turns: AtomicU64,
}

impl Sweep {
    /// The stripes whose turn has come since this was last asked.
    #[expect(clippy::cast_possible_truncation, reason = "there are 64 stripes")]
    fn due(&self, now: Time) -> Vec<usize> {
        let turn = LONGEST.as_nanos() as u64 / STRIPES as u64;
        let turns = now.as_nanos() / turn;
        let before = self.turns.swap(turns, Ordering::Relaxed);
        let missed = turns.saturating_sub(before).min(STRIPES as u64);
        (0..missed).map(|back| (turns - back) as usize % STRIPES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_that_stands_still_is_followed_by_another_and_ends() {
        let (pulse, at) = (Pulse::default(), |millis: u64| Time::from_nanos(millis * 1_000_000));
        let first = pulse.begin(at(0)).unwrap();
        assert!(pulse.goes_on(first, at(1_000)) && pulse.begin(at(3_000)).is_none());
        let second = pulse.begin(at(4_000)).unwrap();
        assert!(!pulse.goes_on(first, at(4_100)));
        pulse.end(first);
        assert!(pulse.begin(at(4_200)).is_none(), "the second has it");
        pulse.end(second);
        assert!(pulse.begin(at(4_300)).is_some());
    }

    #[test]
    fn every_stripe_has_its_turn_once_in_the_longest_time() {
        let (sweep, mut seen) = (Sweep::default(), vec![0; STRIPES]);
        let at = |seconds| Time::from_nanos(seconds * 1_000_000_000);
        sweep.due(at(100_000));
        for second in 1..=LONGEST.as_secs() {
            sweep.due(at(100_000 + second)).into_iter().for_each(|stripe| seen[stripe] += 1);
        }
        assert_eq!(seen, vec![1; STRIPES]);
        assert_eq!(sweep.due(at(200_000)).len(), STRIPES, "all of it after a pause");
    }
}
