//! The clock of production: monotonic, with a coarse reading where the kernel offers one.

use std::time::Duration;

use super::{BoxFuture, Clock, Time};
use crate::background;

/// The machine's monotonic clock. On Linux the time that it was suspended counts too, at the latest a second after it
/// goes on; elsewhere it does not.
///
/// [`coarse`](Clock::coarse) costs a quarter of an exact reading on Linux (the kernel's tick, 1 to 10 ms
/// old); elsewhere it is the exact one. Sleeping works on every executor.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Start well after zero, so that no real time is [`Time::ORIGIN`].
const OFFSET: u64 = 1_000_000_000;

#[cfg(target_os = "linux")]
mod os {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use super::super::awake::Awake;

    /// What this machine slept while the program ran, and before.
    static AWAKE: Awake = Awake::new();

    fn nanos(time: Timespec) -> u64 {
        time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
    }

    pub(super) fn exact() -> u64 {
        nanos(clock_gettime(ClockId::Boottime))
    }

    #[inline]
    pub(super) fn coarse() -> u64 {
        AWAKE.with_sleep(nanos(clock_gettime(ClockId::MonotonicCoarse)), slept)
    }

    fn slept() -> u64 {
        let since_boot = exact();
        since_boot.saturating_sub(nanos(clock_gettime(ClockId::Monotonic)))
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn exact() -> u64 {
        u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn coarse() -> u64 {
        exact()
    }
}

#[inline]
const fn shifted(nanos: u64) -> Time {
    Time::from_nanos(nanos.saturating_add(OFFSET))
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        shifted(os::exact())
    }

    #[inline]
    fn coarse(&self) -> Time {
        shifted(os::coarse())
    }

    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // Timers round, so look again: a sleeper must never wake early.
            loop {
                let now = SystemClock.now();
                if now >= deadline {
                    return;
                }
                sleep(deadline.since(now).min(LONGEST_SLEEP)).await;
            }
        })
    }
}

/// A timer of the background thread, so that it works on any executor and on a runtime without timers.
async fn sleep(duration: Duration) {
    let Some(handle) = background::handle() else {
        // No thread to be had: never completing is the bounded-by-somebody-else answer; a panic is not.
        return std::future::pending().await;
    };
    let timer = {
        let _context = handle.enter();
        tokio::time::sleep(duration)
    };
    timer.await;
}

/// Timers refuse absurd durations; a year at a time is patient enough.
const LONGEST_SLEEP: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_behind_by_no_more_than_promised() {
        for _ in 0..20_000 {
            let before = SystemClock.now();
            let coarse = SystemClock.coarse();
            assert!(coarse.after(super::super::COARSE_ERROR) >= before);
            assert!(coarse <= SystemClock.now());
        }
    }

    #[tokio::test]
    async fn a_sleeper_never_wakes_early() {
        let deadline = SystemClock.now().after(Duration::from_millis(3));
        SystemClock.sleep_until(deadline).await;
        assert!(SystemClock.now() >= deadline);
    }
}
