//! How long a command may take or wait, as users write it.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::ttl::parse_duration;

/// How long `wait(true)` waits for a lock.
pub(super) const WAIT: Duration = Duration::from_secs(60);

/// What can stand where a limit of time is asked for: a [`Duration`], a whole number of seconds, or text such as
/// `"250ms"`. Zero is a limit of its own meaning, told where it is taken.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no limit of time",
    note = "a limit is a `Duration`, a whole number of seconds, or text such as \"250ms\""
)]
pub trait IntoLimit {
    /// The limit meant.
    ///
    /// # Errors
    /// [`Error::Config`] for what is no duration.
    fn into_limit(self) -> Result<Duration>;
}

/// What can stand where a wait is asked for: whatever is a [limit](IntoLimit), `true` for 60 seconds, and `false`,
/// or zero, for none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no wait",
    note = "a wait is `true` (60 seconds), `false`, a `Duration`, a whole number of seconds, or text such as \"5s\""
)]
pub trait IntoWait {
    /// The longest wait meant; zero is none.
    ///
    /// # Errors
    /// [`Error::Config`] for what is no duration.
    fn into_wait(self) -> Result<Duration>;
}

impl IntoLimit for Duration {
    fn into_limit(self) -> Result<Duration> {
        Ok(self)
    }
}

impl IntoLimit for &str {
    fn into_limit(self) -> Result<Duration> {
        parse_duration(self).ok_or_else(|| {
            Error::config(format!(
                "`{self}` is not a duration: write it with units, as in \"250ms\" or \"1m30s\""
            ))
        })
    }
}

impl IntoLimit for String {
    fn into_limit(self) -> Result<Duration> {
        self.as_str().into_limit()
    }
}

macro_rules! seconds {
    ($($int:ty),*) => {$(
        impl IntoLimit for $int {
            /// Whole seconds.
            fn into_limit(self) -> Result<Duration> {
                let seconds = u64::try_from(self);
                seconds.map(Duration::from_secs).map_err(|_| Error::config(format!("a limit cannot be negative ({self})")))
            }
        }
    )*};
}
seconds!(u8, u16, u32, u64, i32, i64);

impl<L: IntoLimit> IntoWait for L {
    fn into_wait(self) -> Result<Duration> {
        self.into_limit()
    }
}

impl IntoWait for bool {
    fn into_wait(self) -> Result<Duration> {
        Ok(if self { WAIT } else { Duration::ZERO })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_waits_are_read_as_they_are_written() {
        assert_eq!("250ms".into_limit().unwrap(), Duration::from_millis(250));
        assert_eq!(5.into_limit().unwrap(), Duration::from_secs(5));
        assert_eq!("0".into_limit().unwrap(), Duration::ZERO);
        assert_eq!((true.into_wait().unwrap(), false.into_wait().unwrap()), (WAIT, Duration::ZERO));
        assert_eq!("1m".to_owned().into_wait().unwrap(), WAIT);
        for wrong in ["", "soon", "forever", "-5"] {
            assert!(matches!(wrong.into_limit(), Err(Error::Config(_))), "{wrong:?} was accepted");
        }
        assert!((-5).into_wait().is_err());
    }
}
