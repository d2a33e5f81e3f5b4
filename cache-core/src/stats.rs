//! How the calls of a function were answered, counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::EventKind;

/// How the calls of one annotated function were answered since the program began, in whatever cache.
///
/// Read it from the function's handle, `profile::stats()`, or from the registry, which has methods too:
/// [`Function::stats`](crate::Function::stats). All instances of a generic function are counted together. Every
/// call is counted once, when it has its answer; one that panics or is dropped has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Answered from the cache.
    pub hits: u64,
    /// Answered from the cache though it was time to compute the value anew: somebody did, or it failed.
    pub stale: u64,
    /// Answered by another caller's computation that was under way.
    pub joined: u64,
    /// Answered by running the function.
    pub computed: u64,
    /// Answered by running the function without asking the cache: `when`, no key, no route, or the key that the
    /// function is itself computing.
    pub bypassed: u64,
    /// Refused by an attribute that may, such as `#[rate_limit]`.
    pub rejected: u64,
    /// Beside the calls: how often the function ran for a value that is present, while its callers had that value.
    pub refreshed: u64,
    /// Of the calls above: how many failed or were refused, and were given the last good value by `#[fail]`.
    pub fallbacks: u64,
}

impl Stats {
    /// All calls.
    pub const fn calls(&self) -> u64 {
        self.hits + self.stale + self.joined + self.computed + self.bypassed + self.rejected
    }

    /// The share of answered calls for which the function did not run; `None` before the first.
    #[expect(clippy::cast_precision_loss, reason = "a share of 2^53 calls may be off by one of them")]
    pub fn hit_ratio(&self) -> Option<f64> {
        match self.calls() - self.rejected {
            0 => None,
            calls => Some((self.hits + self.stale + self.joined) as f64 / calls as f64),
        }
    }
}

/// Threads spread over this many counters of hits, so that they do not wait for one another's cache line.
const STRIPES: usize = 4;

#[repr(align(64))]
struct Stripe(AtomicU64);

/// Where the calls of one function are counted. A `static` beside each.
pub struct Counters {
    hits: [Stripe; STRIPES],
    stale: AtomicU64,
    joined: AtomicU64,
    computed: AtomicU64,
    bypassed: AtomicU64,
    rejected: AtomicU64,
    refreshed: AtomicU64,
    fallbacks: AtomicU64,
}

/// The counter of this thread, most of the time. Stacks lie two mebibytes and more apart, so where a local variable
/// is tells threads apart, and costs a tenth of asking for a thread-local.
#[inline]
fn stripe() -> usize {
    let here = 0u8;
    (std::ptr::from_ref(std::hint::black_box(&here)).addr() >> 21) % STRIPES
}

impl Counters {
    /// None counted yet.
    #[expect(clippy::new_without_default, reason = "it is a static's value")]
    pub const fn new() -> Self {
        Self {
            hits: [const { Stripe(AtomicU64::new(0)) }; STRIPES],
            stale: AtomicU64::new(0),
            joined: AtomicU64::new(0),
            computed: AtomicU64::new(0),
            bypassed: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            refreshed: AtomicU64::new(0),
            fallbacks: AtomicU64::new(0),
        }
    }

    /// Not inlined: so it costs the hit path a call of a dozen instructions, and inlined thirty, for the registers
    /// it takes there.
    #[inline(never)]
    pub(crate) fn hit(&self) {
        self.hits[stripe()].0.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the kinds of events that are answers of calls, or runs beside them.
    pub(crate) fn count(&self, kind: EventKind) {
        let counter = match kind {
            EventKind::Hit => return self.hit(),
            EventKind::Stale => &self.stale,
            EventKind::Joined => &self.joined,
            EventKind::Computed => &self.computed,
            EventKind::Bypassed => &self.bypassed,
            EventKind::Rejected => &self.rejected,
            EventKind::Refreshed | EventKind::NotRefreshed => &self.refreshed,
            EventKind::Fallback => &self.fallbacks,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts as they stand.
    pub fn stats(&self) -> Stats {
        Stats {
            hits: self.hits.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum(),
            stale: self.stale.load(Ordering::Relaxed),
            joined: self.joined.load(Ordering::Relaxed),
            computed: self.computed.load(Ordering::Relaxed),
            bypassed: self.bypassed.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            refreshed: self.refreshed.load(Ordering::Relaxed),
            fallbacks: self.fallbacks.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_of_all_threads_add_up() {
        static COUNTERS: Counters = Counters::new();
        let threads: Vec<_> =
            (0..9).map(|_| std::thread::spawn(|| (0..1000).for_each(|_| COUNTERS.hit()))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(COUNTERS.stats().hits, 9000);
    }

    #[test]
    fn what_answers_no_call_is_not_counted() {
        let counters = Counters::new();
        for kind in [EventKind::Stored, EventKind::Invalidated, EventKind::Overtaken] {
            counters.count(kind);
        }
        assert_eq!(counters.stats(), Stats::default());
        assert_eq!(counters.stats().hit_ratio(), None);
    }

    #[test]
    fn the_ratio_is_of_calls_that_did_not_run_the_function() {
        let counters = Counters::new();
        for kind in [EventKind::Hit, EventKind::Joined, EventKind::Computed, EventKind::Bypassed] {
            counters.count(kind);
        }
        counters.count(EventKind::Rejected);
        assert_eq!(counters.stats().calls(), 5);
        assert_eq!(counters.stats().hit_ratio(), Some(0.5));
    }
}
