//! The calls of one detection.

use std::ops::Deref;
use std::time::Duration;

use super::{DetectedCall, Outcome};
use crate::error::Error;

/// The cached calls inside a future, in the order of their answers: what [`detect`](crate::detect()) tells.
///
/// It is a slice of [`DetectedCall`]s with the questions an HTTP layer has:
///
/// ```
/// use cache_core::Calls;
///
/// fn headers(calls: &Calls) -> Vec<(&'static str, String)> {
///     let mut headers = Vec::new();
///     if let Some(hit) = calls.first_hit() {
///         headers.push(("x-from-cache", hit.key.to_string()));
///     }
///     if let (Some(age), Some(left)) = (calls.oldest(), calls.min_ttl_left()) {
///         headers.push(("age", age.as_secs().to_string()));
///         headers.push(("cache-control", format!("max-age={}", (age + left).as_secs())));
///     }
///     headers
/// }
/// # assert!(headers(&Calls::default()).is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Calls {
    calls: Vec<DetectedCall>,
    left_out: u64,
}

impl Calls {
    pub(super) const fn new(calls: Vec<DetectedCall>, left_out: u64) -> Self {
        Self { calls, left_out }
    }

    /// The calls that were answered from the cache. None after a direct execution.
    pub fn hits(&self) -> impl Iterator<Item = &DetectedCall> {
        self.iter().filter(|call| call.is_hit())
    }

    /// The first call that was answered from the cache.
    pub fn first_hit(&self) -> Option<&DetectedCall> {
        self.hits().next()
    }

    /// Whether there were calls, and all were answered from the cache: nothing was computed.
    pub fn all_hits(&self) -> bool {
        !self.is_empty() && self.left_out == 0 && self.iter().all(DetectedCall::is_hit)
    }

    /// The calls with this key.
    pub fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a DetectedCall> {
        self.iter().filter(move |call| call.key.as_str() == key)
    }

    /// How many calls were answered so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.iter().filter(|call| call.outcome == outcome).count()
    }

    /// For how much longer all the answers are good, those just computed too: the least
    /// [`ttl_left`](DetectedCall::ttl_left). Zero if one was not stored; `None` if there were no calls, or nothing
    /// expires.
    ///
    /// For hits alone: `calls.hits().filter_map(DetectedCall::ttl_left).min()`.
    pub fn min_ttl_left(&self) -> Option<Duration> {
        self.iter().filter_map(DetectedCall::ttl_left).min()
    }

    /// The age of the oldest answer; `None` if there were no calls.
    pub fn oldest(&self) -> Option<Duration> {
        self.iter().map(|call| call.age).max()
    }

    /// What went wrong and was hidden by an answer.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.iter().filter_map(|call| call.error.as_ref())
    }

    /// How many calls beyond the first 10,000 were made and are not listed.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Deref for Calls {
    type Target = [DetectedCall];

    fn deref(&self) -> &[DetectedCall] {
        &self.calls
    }
}

impl IntoIterator for Calls {
    type Item = DetectedCall;
    type IntoIter = std::vec::IntoIter<DetectedCall>;

    fn into_iter(self) -> Self::IntoIter {
        self.calls.into_iter()
    }
}

impl<'a> IntoIterator for &'a Calls {
    type Item = &'a DetectedCall;
    type IntoIter = std::slice::Iter<'a, DetectedCall>;

    fn into_iter(self) -> Self::IntoIter {
        self.calls.iter()
    }
}
