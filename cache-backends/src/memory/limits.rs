//! Two bounds, entries and bytes, as one weight.

use cache_core::{Entry, Error, Key, Result};

/// Bytes an entry takes beside its key's text and its value: map slot, reference counts, times, moka's record,
/// its seat in the expiry index. Measured with a counting allocator.
const OVERHEAD: u64 = 560;
/// What fits if nothing was said.
pub(crate) const MAX_ENTRIES: u64 = 10_000;
/// Up to here a bound holds to the entry; above, up to one percent over it, so that eviction goes in batches.
const EXACT_ENTRIES: u64 = 1_000;
/// The same for bytes.
const EXACT_BYTES: u64 = 1 << 20;
/// moka's weights are `u32`; a capacity of no more lets every admissible weight be one.
const LARGEST: u64 = u32::MAX as u64;

/// What an asked-for bound may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    entries: Option<u64>,
    bytes: Option<u64>,
}

impl Limits {
    /// The bounds asked for, each at least as large as one small entry needs.
    pub(crate) fn new(entries: Option<u64>, bytes: Option<u64>) -> Self {
        let entries = entries.or_else(|| bytes.is_none().then_some(MAX_ENTRIES));
        Self {
            entries: entries.map(|entries| entries.clamp(1, LARGEST)),
            bytes: bytes.map(|bytes| bytes.max(OVERHEAD)),
        }
    }

    /// Whether bounds are such that anything fits; `names` are those the user wrote.
    pub(crate) fn check(entries: Option<u64>, bytes: Option<u64>, names: [&str; 2]) -> Result<()> {
        let [entries_name, bytes_name] = names;
        if entries == Some(0) {
            return Err(Error::config(format!(
                "`{entries_name}` = 0 keeps nothing: give it room for an entry, or say \"null://\""
            )));
        }
        match bytes {
            Some(bytes) if bytes < OVERHEAD => Err(Error::config(format!(
                "`{bytes_name}` = {bytes} has no room for one entry, which takes {OVERHEAD} bytes and its value"
            ))),
            _ => Ok(()),
        }
    }

    /// The bound on entries.
    pub(crate) const fn entries(&self) -> Option<u64> {
        self.entries
    }

    /// The bound on bytes.
    pub(crate) const fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The sum of weights that fits.
    ///
    /// Bounded both ways, an entry weighs the larger of its two shares, so the sum of weights bounds the sum
    /// of each. The unit is small enough that rounding up costs nothing.
    pub(crate) const fn capacity(&self) -> u64 {
        match (self.entries, self.bytes) {
            (Some(entries), None) => entries,
            (None, Some(bytes)) => bytes,
            (Some(entries), Some(_)) => LARGEST / entries * entries,
            (None, None) => MAX_ENTRIES,
        }
    }

    /// The sum of weights from which on a writer makes room itself.
    pub(crate) const fn ceiling(&self) -> u64 {
        let exact =
            matches!(self.entries, Some(..=EXACT_ENTRIES)) || matches!(self.bytes, Some(..=EXACT_BYTES));
        let capacity = self.capacity();
        if exact { capacity } else { capacity.saturating_add(capacity / 100) }
    }

    /// The bytes of an entry, roughly: exact in what is its own only where values are measured (`max_bytes`).
    #[expect(clippy::unused_self, reason = "what is measured is a matter of the limits")]
    pub(crate) fn bytes_of(&self, key: &Key, entry: &Entry) -> u64 {
        OVERHEAD + key.as_str().len() as u64 + u64::from(entry.meta().weight)
    }

    /// What an entry weighs; `None` if it alone would be too much.
    pub(crate) fn weigh(&self, key: &Key, entry: &Entry) -> Option<u32> {
        let Some(max_bytes) = self.bytes else { return Some(1) };
        let bytes = self.bytes_of(key, entry);
        if bytes > max_bytes {
            return None;
        }
        let Some(max_entries) = self.entries else { return Some(u32::try_from(bytes).unwrap_or(u32::MAX)) };
        let capacity = self.capacity();
        let share = (u128::from(bytes) * u128::from(capacity)).div_ceil(u128::from(max_bytes));
        u32::try_from(share.max(u128::from(capacity / max_entries))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cache_core::{Meta, Time};

    fn weigh(limits: Limits, bytes: u32) -> Option<u32> {
        let mut meta = Meta::new(Time::from_nanos(1), Time::NEVER);
        meta.weight = bytes;
        limits.weigh(&Key::from("k"), &Entry::new((), meta))
    }

    #[test]
    fn without_bytes_an_entry_counts_one() {
        let limits = Limits::new(None, None);
        assert_eq!((limits.capacity(), weigh(limits, 1_000_000)), (MAX_ENTRIES, Some(1)));
        let limits = Limits::new(Some(500), None);
        assert_eq!((limits.capacity(), limits.ceiling()), (500, 500));
        assert_eq!(Limits::new(Some(20_000), None).ceiling(), 20_200);
    }

    #[test]
    fn bytes_alone_leave_the_number_of_entries_open() {
        let limits = Limits::new(None, Some(1 << 30));
        assert_eq!((limits.entries(), limits.capacity()), (None, 1 << 30));
        assert_eq!(weigh(limits, 1_000).map(u64::from), Some(1_001 + OVERHEAD));
    }

    #[test]
    fn bounded_both_ways_neither_sum_is_exceeded() {
        for (entries, bytes) in [(10, 100_000), (10_000, 1 << 26), (3, 5_000), (1, 700), (1 << 20, 1 << 40)] {
            let limits = Limits::new(Some(entries), Some(bytes));
            let capacity = limits.capacity();
            for size in [0, 1, 100, 999, 4_000, 50_000, 1 << 20] {
                let Some(weight) = weigh(limits, size).map(u64::from) else {
                    assert!(u64::from(size) + 1 + OVERHEAD > bytes);
                    continue;
                };
                let fit = capacity / weight;
                assert!(fit >= 1 && fit <= entries, "{fit} of {entries}");
                assert!(fit * (u64::from(size) + 1 + OVERHEAD) <= bytes, "{fit} times {size} of {bytes}");
            }
        }
    }

    #[test]
    fn rounding_costs_next_to_nothing() {
        let limits = Limits::new(Some(10_000), Some(1 << 30));
        assert_eq!(limits.capacity() / u64::from(weigh(limits, 0).unwrap()), 10_000);
    }

    #[test]
    fn an_entry_larger_than_everything_has_no_weight() {
        assert_eq!(weigh(Limits::new(None, Some(10_000)), 10_000), None);
        assert_eq!(weigh(Limits::new(Some(5), Some(10_000)), 10_000), None);
        assert!(weigh(Limits::new(Some(5), Some(10_000)), 9_000).is_some());
    }

    #[test]
    fn impossible_bounds_are_named() {
        let names = ["size", "max_bytes"];
        let message = Limits::check(Some(0), None, names).unwrap_err().to_string();
        assert!(message.starts_with("`size` = 0 keeps nothing"), "{message}");
        let message = Limits::check(None, Some(7), names).unwrap_err().to_string();
        assert!(message.starts_with("`max_bytes` = 7 has no room"), "{message}");
        assert!(Limits::check(Some(1), Some(OVERHEAD), names).is_ok());
    }
}
