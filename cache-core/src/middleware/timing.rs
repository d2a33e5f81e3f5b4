//! How long commands take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Middleware, Next, Request, Response, Verb};
use crate::clock::BoxFuture;
use crate::error::Result;

/// Measures each verb: how often, and how long at least, at most, in the mean and in total.
///
/// A handle: clones share the numbers, so keep one and give the cache another. Measured from this place of the chain
/// to the backend and back, failures included, on the cache's clock. Commands that are dropped on the way, as by a
/// timeout, are not counted.
///
/// Every hit takes the asynchronous way to be seen: on memory that costs more than the hit itself.
///
/// ```
/// use cache_core::middleware::{Timing, Verb};
///
/// let timing = Timing::new();
/// // Cache::builder().middleware(timing.clone()) …
/// assert_eq!(timing.of(Verb::Get).count, 0);
/// ```
#[derive(Debug, Clone)]
pub struct Timing(Arc<[Mutex<Took>]>);

/// What one verb took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Took {
    /// How many ended.
    pub count: u64,
    /// The shortest; zero if there was none.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
    /// All together.
    pub total: Duration,
}

impl Took {
    /// The mean; zero if there was none.
    pub fn mean(&self) -> Duration {
        let count = u128::from(self.count.max(1));
        Duration::from_nanos(u64::try_from(self.total.as_nanos() / count).unwrap_or(u64::MAX))
    }

    fn add(&mut self, took: Duration) {
        self.min = if self.count == 0 { took } else { self.min.min(took) };
        self.max = self.max.max(took);
        self.total = self.total.saturating_add(took);
        self.count += 1;
    }
}

impl Timing {
    /// Nothing measured yet.
    pub fn new() -> Self {
        Self(Verb::ALL.iter().map(|_| Mutex::default()).collect())
    }

    /// What this verb took so far.
    pub fn of(&self, verb: Verb) -> Took {
        self.0
            .get(verb as usize)
            .map_or_else(Took::default, |took| *took.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All verbs that were asked, with what they took.
    pub fn all(&self) -> Vec<(Verb, Took)> {
        Verb::ALL.iter().map(|verb| (*verb, self.of(*verb))).filter(|(_, took)| took.count > 0).collect()
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for Timing {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let (verb, begun) = (request.verb(), next.clock().now());
            let outcome = next.run(request).await;
            if let Some(took) = self.0.get(verb as usize) {
                let elapsed = next.clock().now().since(begun);
                took.lock().unwrap_or_else(PoisonError::into_inner).add(elapsed);
            }
            outcome
        })
    }
}
