//! One annotated function at run time: what it is, and what it remembers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::registry::Function;
use crate::stats::Counters;

/// A call site. A `static` of each annotated function; generic instances share it.
#[derive(Debug)]
pub struct Site {
    function: &'static Function,
    counters: &'static Counters,
    head: &'static str,
    /// The cache asked last and its route for this site: id in the high half, index in the low one. Zero: none.
    route: AtomicU64,
}

impl Site {
    /// The site of `function`; every key of it begins with `head`.
    pub const fn new(function: &'static Function, head: &'static str) -> Self {
        Self { function, counters: function.counters, head, route: AtomicU64::new(0) }
    }

    /// The function.
    pub const fn function(&self) -> &'static Function {
        self.function
    }

    pub(crate) const fn counters(&self) -> &'static Counters {
        self.counters
    }

    pub(crate) const fn head(&self) -> &'static str {
        self.head
    }

    #[inline]
    pub(crate) fn route(&self, cache: u32) -> Option<u32> {
        let known = self.route.load(Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the index")]
        ((known >> 32) as u32 == cache).then_some(known as u32)
    }

    pub(crate) fn remember(&self, cache: u32, index: u32) {
        self.route.store(u64::from(cache) << 32 | u64::from(index), Ordering::Relaxed);
    }
}
