//! A clock in the hand of a test.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::{BoxFuture, Clock, Time};

/// A clock that stands still until [`advance`](ManualClock::advance); clones are the same clock.
///
/// Give it to `Cache::builder().clock(…)`; expiry, waits and back-off then follow it, and whoever sleeps on it
/// wakes as soon as its time is reached, in the order of deadlines.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Clock, testing::ManualClock};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(before), Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<Mutex<State>>);

/// 2025-01-01, in nanoseconds since 1970.
const BEGINNING: u64 = 1_735_689_600 * 1_000_000_000;

#[derive(Debug)]
struct State {
    now: Time,
    next_id: u64,
    sleepers: BTreeMap<(Time, u64), Waker>,
}

impl Default for State {
    fn default() -> Self {
        // Not the origin: there nothing lives.
        Self { now: Time::ORIGIN.after(Duration::from_secs(1)), next_id: 0, sleepers: BTreeMap::new() }
    }
}

impl ManualClock {
    /// A clock standing at some time after its origin.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves time forward and wakes every sleeper whose deadline has come.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.state();
            state.now = state.now.after(by);
            let first_later = (state.now.after(Duration::from_nanos(1)), 0);
            let later = state.sleepers.split_off(&first_later);
            std::mem::replace(&mut state.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// How many sleepers wait for a time to come.
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        self.state().now
    }

    /// Moves with [`now`](Clock::now), from the beginning of 2025 on.
    fn wall(&self) -> u64 {
        self.now().as_nanos().saturating_add(BEGINNING)
    }

    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()> {
        let id = {
            let mut state = self.state();
            state.next_id += 1;
            state.next_id
        };
        Box::pin(Sleep { clock: self.clone(), at: (deadline, id) })
    }
}

struct Sleep {
    clock: ManualClock,
    at: (Time, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.at.0 {
            state.sleepers.remove(&self.at);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.at, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_when_their_time_has_come_and_leave_nothing() {
        let clock = ManualClock::new();
        let deadline = clock.now().after(Duration::from_secs(5));
        let sleeper = tokio::spawn(clock.sleep_until(deadline));
        let dropped = clock.sleep_until(deadline);
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(4_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_millis(1));
        sleeper.await.unwrap();
        drop(dropped);
        assert_eq!(clock.sleepers(), 0);
    }
}
