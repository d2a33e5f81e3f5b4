//! What the layers inside of a layer made of a call: for those outside that count calls or judge the function.

use std::sync::atomic::{AtomicU8, Ordering};

/// Notes of one call, made by inner layers and read by outer ones once the call has come back.
#[derive(Debug, Default)]
pub struct Inside(AtomicU8);

const REFUSED: u8 = 1;
const RECALLED: u8 = 2;

impl Inside {
    /// Nothing noted yet.
    pub const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// A guard refused the call, and told so.
    pub fn refuse(&self) {
        self.0.fetch_or(REFUSED, Ordering::Relaxed);
    }

    /// The answer was there already: a hit, the present value of a refresh, a fallback.
    pub fn recall(&self) {
        self.0.fetch_or(RECALLED, Ordering::Relaxed);
    }

    /// Whether a guard refused the call.
    pub fn is_refused(&self) -> bool {
        self.0.load(Ordering::Relaxed) & REFUSED != 0
    }

    /// Whether the answer says nothing of the function: it was refused, or there already.
    pub fn is_from_elsewhere(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Adds what another noted.
    pub fn absorb(&self, other: &Self) {
        self.0.fetch_or(other.0.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
