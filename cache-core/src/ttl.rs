//! How long an entry may be used.

use std::time::Duration;

use crate::clock::Time;
use crate::error::{Error, Result};

/// The life of an entry: a duration of at least a millisecond, or forever, said out loud.
///
/// From a [`Duration`], a number of seconds, or text such as `"1d2h3m50s"`, `"250ms"`, `"forever"`. Units
/// are `ms s m h d w`, each at most once, from large to small. Zero is an error, not "forever".
///
/// ```
/// use std::time::Duration;
/// use cache_core::Ttl;
///
/// assert_eq!(Ttl::parse("1h30m")?.duration(), Some(Duration::from_secs(5400)));
/// assert_eq!(Ttl::parse("forever")?.duration(), None);
/// assert!(Ttl::parse("0s").is_err());
/// assert!(Ttl::parse("1h30").is_err(), "a unit is missing");
/// # Ok::<(), cache_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(Option<Duration>);

impl Ttl {
    /// Never expires by time.
    pub const FOREVER: Self = Self(None);

    /// Expires `millis` milliseconds after it is stored; zero is taken as one.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Some(Duration::from_millis(if millis == 0 { 1 } else { millis })))
    }

    /// A ttl of `duration`, at least a millisecond.
    ///
    /// # Errors
    /// [`Error::Config`] for zero: say [`Ttl::FOREVER`], or do not store at all.
    pub fn new(duration: Duration) -> Result<Self> {
        if duration.is_zero() {
            return Err(Error::config("a ttl of zero stores nothing: write \"forever\", or do not store"));
        }
        Ok(Self(Some(duration.max(Duration::from_millis(1)))))
    }

    /// Reads `"1d2h3m50s"`, `"90"` (seconds) or `"forever"`.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim() == "forever" {
            return Ok(Self::FOREVER);
        }
        match parse_duration(text) {
            Some(duration) => Self::new(duration),
            None => Err(Error::config(format!(
                "`{text}` is not a duration: write numbers with units, large to small, as in \"1d2h3m50s\" or \"250ms\" (ms s m h d w)"
            ))),
        }
    }

    /// The duration, or `None` for forever.
    pub const fn duration(self) -> Option<Duration> {
        self.0
    }

    /// When an entry stored at `now` expires.
    pub fn expiry(self, now: Time) -> Time {
        self.0.map_or(Time::NEVER, |duration| now.after(duration))
    }

    /// The same, shortened by a random share of at most `share` (0.1 is ten percent). Never longer.
    #[must_use]
    pub fn jittered(self, share: f64) -> Self {
        Self(self.0.map(|duration| {
            let factor = 1.0 - share.clamp(0.0, 1.0) * fastrand::f64();
            let jittered = Duration::try_from_secs_f64(duration.as_secs_f64() * factor);
            jittered.unwrap_or(duration).max(Duration::from_millis(1))
        }))
    }
}

/// Numbers with units, large to small, or a bare number of seconds.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().ok()?));
    }
    let (mut rest, mut units, mut millis) = (text, UNITS.as_slice(), 0u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let at = units.iter().position(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        let number: u64 = number.parse().ok()?;
        millis = millis.checked_add(number.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// What can stand where a ttl is asked for.
///
/// Implemented for [`Ttl`], [`Duration`], numbers of seconds, and text. A value that is no ttl is
/// reported where it is used.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no ttl",
    label = "not a duration",
    note = "a ttl is a `Duration`, a `Ttl`, a whole number of seconds, or text such as \"1h30m\""
)]
pub trait IntoTtl {
    /// The ttl meant.
    fn into_ttl(self) -> Result<Ttl>;
}

impl IntoTtl for Ttl {
    fn into_ttl(self) -> Result<Ttl> {
        Ok(self)
    }
}

impl IntoTtl for Duration {
    fn into_ttl(self) -> Result<Ttl> {
        Ttl::new(self)
    }
}

impl IntoTtl for &str {
    fn into_ttl(self) -> Result<Ttl> {
        Ttl::parse(self)
    }
}

impl IntoTtl for String {
    fn into_ttl(self) -> Result<Ttl> {
        Ttl::parse(&self)
    }
}

macro_rules! seconds {
    ($($int:ty),*) => {$(
        impl IntoTtl for $int {
            /// Whole seconds.
            fn into_ttl(self) -> Result<Ttl> {
                match u64::try_from(self) {
                    Ok(seconds) => Ttl::new(Duration::from_secs(seconds)),
                    Err(_) => Err(Error::config(format!("a ttl cannot be negative ({self})"))),
                }
            }
        }
    )*};
}
seconds!(u8, u16, u32, u64, i32, i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let check = |text, millis| assert_eq!(Ttl::parse(text).unwrap(), Ttl::from_millis(millis), "{text}");
        check("90", 90_000);
        check("1d2h3m50s", 93_830_000);
        check("250ms", 250);
        check("1s5ms", 1_005);
        check("2W", 1_209_600_000);
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "h",
            "-5",
            "1.5h",
            "1h30",
            "5m5",
            "5m1h",
            "1h1h",
            "3 hours",
            "1y",
            "99999999999999w",
            "0",
            "0ms",
        ] {
            assert!(Ttl::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn jitter_shortens_and_never_lengthens() {
        let ttl = Ttl::from_millis(1_000);
        for _ in 0..1_000 {
            let Some(jittered) = ttl.jittered(0.1).duration() else { panic!("a ttl became forever") };
            assert!(jittered <= Duration::from_secs(1) && jittered >= Duration::from_millis(899));
        }
    }

    #[test]
    fn an_absurd_ttl_saturates() {
        assert_eq!(Ttl::new(Duration::MAX).unwrap().expiry(Time::from_nanos(5)), Time::NEVER);
    }
}
