//! One moment as this process and as others tell it.

use super::{Clock, Time};

/// One moment by both times of a [`Clock`], to turn one into the other: what a backend keeps beyond this process
/// is kept by wall time.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Clock, Moment, testing::ManualClock};
///
/// let clock = ManualClock::new();
/// let expires = clock.now().after(Duration::from_secs(60));
/// let kept = Moment::of(&clock).wall_of(expires);
/// clock.advance(Duration::from_secs(20));
/// assert_eq!(Moment::of(&clock).time_of(kept), expires);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// As the clock tells it.
    pub time: Time,
    /// As everybody tells it: nanoseconds since 1970.
    pub wall: u64,
}

impl Moment {
    /// Now.
    pub fn of<C: Clock + ?Sized>(clock: &C) -> Self {
        Self { time: clock.now(), wall: clock.wall() }
    }

    /// Another time of the clock, as everybody tells it; never is `u64::MAX`.
    pub const fn wall_of(self, time: Time) -> u64 {
        if time.as_nanos() == u64::MAX {
            return u64::MAX;
        }
        if time.as_nanos() >= self.time.as_nanos() {
            self.wall.saturating_add(time.as_nanos() - self.time.as_nanos())
        } else {
            self.wall.saturating_sub(self.time.as_nanos() - time.as_nanos())
        }
    }

    /// A time that everybody tells, as the clock does; `u64::MAX` is never. What lies before the clock's origin is
    /// the instant after it.
    pub const fn time_of(self, wall: u64) -> Time {
        if wall == u64::MAX {
            return Time::NEVER;
        }
        let nanos = if wall >= self.wall {
            self.time.as_nanos().saturating_add(wall - self.wall)
        } else {
            self.time.as_nanos().saturating_sub(self.wall - wall)
        };
        // The origin marks what has left its backend.
        Time::from_nanos(if nanos == 0 { 1 } else { nanos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_as_it_was_at_any_other_moment() {
        let one = Moment { time: Time::from_nanos(1_000), wall: 500_000 };
        let later = Moment { time: Time::from_nanos(4_000), wall: 503_000 };
        for nanos in [1, 999, 1_000, 1_001, 5_000] {
            let time = Time::from_nanos(nanos);
            assert_eq!(later.time_of(one.wall_of(time)), time);
        }
        assert_eq!(later.time_of(one.wall_of(Time::NEVER)), Time::NEVER);
    }

    #[test]
    fn what_lies_before_the_origin_is_not_the_origin() {
        let now = Moment { time: Time::from_nanos(1_000), wall: 500_000 };
        assert_eq!(now.time_of(3), Time::from_nanos(1));
    }
}
