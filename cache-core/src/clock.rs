//! Time is an argument: everything that judges an expiry, a wait or a lease asks a [`Clock`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
mod awake;
mod moment;
mod system;

pub use moment::Moment;
pub use system::SystemClock;

/// A point in time of one [`Clock`], in nanoseconds since that clock's origin.
///
/// Times of different clocks cannot be compared. Arithmetic saturates: an absurd ttl is
/// [`Time::NEVER`], not an overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The clock's origin. No live entry expires here: it marks one that has left its backend.
    pub const ORIGIN: Self = Self(0);
    /// The end of time: what never expires expires now.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This time and `duration` later, at most [`Time::NEVER`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// How long ago `earlier` was; zero if it is later than this.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NEVER => f.write_str("never"),
            Self(nanos) => write!(f, "{:?}", Duration::from_nanos(nanos)),
        }
    }
}

/// A boxed future, as the traits that are used behind `dyn` return them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a cache takes its time from.
///
/// [`SystemClock`] in production; [`testing::ManualClock`](crate::testing::ManualClock) in tests, where
/// time moves only when told to and sleepers wake at once.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The exact time. Monotonic: never earlier than an earlier answer.
    fn now(&self) -> Time;

    /// A cheap time for the hit path, at most [`COARSE_ERROR`] behind [`now`](Clock::now) and never ahead.
    fn coarse(&self) -> Time {
        self.now()
    }

    /// The same time as other processes tell it: nanoseconds since 1970. For what is kept beyond this process; it may
    /// jump, so nothing within the process is judged by it.
    fn wall(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Completes when the clock has reached `deadline`.
    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()>;
}

/// How far [`Clock::coarse`] may lag behind. An expiry nearer than this is judged by the exact clock, so
/// that a hit costs a cheap clock and no entry is served late.
pub const COARSE_ERROR: Duration = Duration::from_millis(12);
