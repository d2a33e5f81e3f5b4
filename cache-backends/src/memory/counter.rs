//! A step of a counter, decided without a store.

use std::any::Any;
use std::sync::Arc;

use cache_core::{Entry, Error, Increment, Kind, Result, Time};

/// The entry after the step and its number. `before` is the living entry, if there is one.
///
/// A remembered `None` or error is no number to go on from: the counter begins at zero.
pub(super) fn step(before: Option<&Entry>, step: Increment, now: Time) -> Result<(Arc<Entry>, i64)> {
    let before = before.filter(|entry| entry.kind() == Kind::Value);
    let number = before.map_or(Some(0), |entry| integer(entry.value())).ok_or(Error::NotANumber)?;
    let sum = step.sum(number)?;
    let mut meta = step.times(before.map(Entry::meta), now);
    meta.weight = i64::BITS / 8;
    let stamps = before.map_or_else(Vec::new, |entry| entry.stamps().to_vec());
    Ok((Entry::new(sum, meta).stamped(stamps), sum))
}

/// The number, if the value is a primitive integer and fits.
fn integer(value: &(dyn Any + Send + Sync)) -> Option<i64> {
    macro_rules! first_of {
        ($($int:ty)*) => {
            $(if let Some(number) = value.downcast_ref::<$int>() { return i64::try_from(*number).ok(); })*
        };
    }
    first_of!(i64 u64 i32 u32 usize isize i16 u16 i8 u8);
    None
}

#[cfg(test)]
mod tests {
    use cache_core::Meta;

    use super::*;
    use std::time::Duration;

    const NOW: Time = Time::from_nanos(1_000);

    fn entry<T: Any + Send + Sync>(value: T) -> Arc<Entry> {
        Entry::new(value, Meta::new(Time::from_nanos(1), Time::NEVER))
    }

    #[test]
    fn every_integer_that_fits_counts_on_as_i64() {
        let check = |entry: Arc<Entry>, expected: i64| {
            let (after, sum) = step(Some(&entry), Increment::new(-2, None), NOW).unwrap();
            assert_eq!((sum, after.downcast_ref()), (expected, Some(&expected)));
        };
        check(entry(5i8), 3);
        check(entry(5u8), 3);
        check(entry(-5i16), -7);
        check(entry(5u16), 3);
        check(entry(5i32), 3);
        check(entry(5u32), 3);
        check(entry(5i64), 3);
        check(entry(5u64), 3);
        check(entry(5isize), 3);
        check(entry(5usize), 3);
    }

    #[test]
    fn what_is_no_such_number_is_an_error() {
        for entry in [entry(u64::MAX), entry("5"), entry(5.0f64), entry(5u128), entry(true)] {
            assert!(matches!(step(Some(&entry), Increment::new(1, None), NOW), Err(Error::NotANumber)));
        }
    }

    #[test]
    fn a_sum_beyond_64_bits_is_an_error() {
        for (number, by) in [(i64::MAX, 1), (i64::MIN, -1)] {
            let error = step(Some(&entry(number)), Increment::new(by, None), NOW).unwrap_err();
            assert!(matches!(&error, Error::Backend(text) if text.contains("beyond 64 bits")), "{error}");
        }
    }

    #[test]
    fn a_ttl_is_given_to_a_counter_without_one_at_any_step() {
        let ttl = Some(Duration::from_nanos(50));
        let expiry = |before: Option<&Entry>, ttl| {
            step(before, Increment::new(1, ttl), NOW).unwrap().0.expires().as_nanos()
        };
        assert_eq!(expiry(None, None), u64::MAX);
        assert_eq!(expiry(None, ttl), 1_050);
        assert_eq!(expiry(Some(&entry(41)), ttl), 1_050, "the 42nd step gives it too");
        let expiring = Entry::new(41, Meta::new(Time::from_nanos(1), Time::from_nanos(7_000)));
        assert_eq!(expiry(Some(&expiring), ttl), 7_000);
        assert_eq!(expiry(Some(&expiring), None), 7_000);
    }

    #[test]
    fn a_remembered_absence_or_failure_counts_as_nothing() {
        for kind in [Kind::Absent, Kind::Failed] {
            let mut meta = Meta::new(Time::from_nanos(1), Time::from_nanos(7_000));
            meta.kind = kind;
            let (after, sum) = step(Some(&Entry::new((), meta)), Increment::new(4, None), NOW).unwrap();
            assert_eq!((sum, after.kind(), after.expires()), (4, Kind::Value, Time::NEVER));
        }
    }
}
