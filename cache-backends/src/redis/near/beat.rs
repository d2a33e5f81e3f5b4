//! The pulse: while what is near is used, every connection is asked each second whether it stands.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cache_core::{Clock, SystemClock, Time};
use tokio::runtime::Handle;

use super::Nearby;
use crate::memory::shelf::{STRIPES, stripe_of};

/// How often.
const PULSE: Duration = Duration::from_secs(1);

/// Without any use for so many beats it stops, until there is one.
const IDLE: u32 = 10;

/// Nothing is kept for longer, whatever its own time: should a server ever not tell, this is the end of it.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Nearby {
    /// Begins to ask, unless somebody does.
    #[cold]
    pub(super) fn wake(self: &Arc<Self>) {
        if !self.trust.is_told() || self.is_beating.swap(true, Ordering::AcqRel) {
            return;
        }
        let beat = Beat { near: Arc::downgrade(self), is_beating: Arc::clone(&self.is_beating) };
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
    is_beating: Arc<AtomicBool>,
}

impl Beat {
    async fn go(self) {
        let mut idle = 0;
        while idle < IDLE {
            let next = SystemClock.now().after(PULSE);
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
        self.is_beating.store(false, Ordering::Release);
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
