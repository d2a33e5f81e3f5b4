//! How a memory backend is put together.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, IntoBackend, Result};

use super::Memory;
use super::limits::Limits;

/// How often expired entries are taken out.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Bounds on their way to a [`Memory`].
///
/// | setting | in the URL | default |
/// |---|---|---|
/// | [`max_entries`](Self::max_entries) | `size` | 10,000; none if `max_bytes` is given alone |
/// | [`max_bytes`](Self::max_bytes) | `max_bytes` | none |
/// | [`check_interval`](Self::check_interval) | `check_interval` | 1 s |
///
/// A route takes the builder as well as what it builds. An impossible bound is reported when the cache is
/// built:
///
/// ```
/// use cache_backends::Memory;
/// use cache_core::IntoBackend;
///
/// assert!(Memory::builder().max_entries(500).into_backend().is_ok());
/// assert!(Memory::builder().max_entries(0).into_backend().is_err_and(|error| error.is_config()));
/// assert!(Memory::builder().max_entries(0).build().into_backend().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "nothing is built before `.build()`"]
pub struct MemoryBuilder {
    max_entries: Option<u64>,
    max_bytes: Option<u64>,
    check_interval: Option<Duration>,
}

/// The bounds as they are called here.
const NAMES: [&str; 2] = ["max_entries", "max_bytes"];

impl MemoryBuilder {
    /// At most this many entries. Up to 1,000 the bound is exact whenever a store returns; a larger one may
    /// be exceeded by one percent until the next.
    pub const fn max_entries(mut self, max_entries: u64) -> Self {
        self.max_entries = Some(max_entries);
        self
    }

    /// At most this many bytes, as estimated: the key, what the cache says the value takes, and 560 for the
    /// entry itself. Together with [`max_entries`](Self::max_entries) both bounds hold.
    ///
    /// The cache estimates a value by its encoded size; a type without serde counts with 0. An entry larger
    /// than the bound is not stored. A bound of a MiB or more may be exceeded by one percent until the next
    /// store.
    pub const fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = Some(max_bytes);
        self
    }

    /// How often expired entries are taken out without being asked for, once a cache routes here. They are
    /// never shown in any case. Zero: only [`Memory::purge_expired`] and eviction remove them.
    pub const fn check_interval(mut self, check_interval: Duration) -> Self {
        self.check_interval = Some(check_interval);
        self
    }

    /// Builds it. A bound too small to keep anything is reported when a cache that routes to it is built;
    /// used without one, it keeps one entry.
    pub fn build(self) -> Memory {
        let possible = Limits::check(self.max_entries, self.max_bytes, NAMES);
        let limits = Limits::new(self.max_entries, self.max_bytes);
        Memory::new(limits, self.check_interval.unwrap_or(CHECK_INTERVAL), possible)
    }

    /// Builds it, or tells which bound is impossible.
    ///
    /// # Errors
    /// [`Error::Config`](cache_core::Error::Config) for a `max_entries` of zero and a `max_bytes` that no entry
    /// fits into.
    pub fn try_build(self) -> Result<Memory> {
        self.checked(NAMES).map(Self::build)
    }

    /// The same builder if its bounds are possible; `names` are those the user wrote.
    pub(super) fn checked(self, names: [&str; 2]) -> Result<Self> {
        Limits::check(self.max_entries, self.max_bytes, names).map(|()| self)
    }
}

impl IntoBackend for MemoryBuilder {
    fn into_backend(self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.try_build()?))
    }
}
