//! How often reads find something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Middleware, Next, Request, Response};
use crate::clock::BoxFuture;
use crate::entry::Entry;
use crate::error::Result;

/// Counts reads and how many of them found a living entry, for `get` and `get_many` apart.
///
/// A handle: clones share the numbers. `get_many` counts each of its keys. A read that fails counts as one that found
/// nothing. `exists` and `get_expire` are reads of the backend and count as `get`.
///
/// This is what the *backend* is asked; calls of annotated functions are counted without it, and cheaper, by
/// [`Function::stats`](crate::Function) and [`Observer`](crate::Observer). With it every hit takes the asynchronous
/// way.
///
/// On a backend of bytes an entry whose tag was deleted is counted as found: that it is over is known only outside.
///
/// ```
/// use cache_core::middleware::HitRatio;
///
/// let ratio = HitRatio::new();
/// // Cache::builder().middleware(ratio.clone()) …
/// assert_eq!(ratio.total().ratio(), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct HitRatio(Arc<[Counter; 2]>);

#[derive(Debug, Default)]
struct Counter {
    hits: AtomicU64,
    total: AtomicU64,
}

/// Reads, and those that found something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ratio {
    /// Reads that found a living entry.
    pub hits: u64,
    /// All reads.
    pub total: u64,
}

impl Ratio {
    /// The share of hits, from 0 to 1; `None` before the first read.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of counts beyond 2^53 is still right to 15 digits"
    )]
    pub fn ratio(&self) -> Option<f64> {
        (self.total > 0).then(|| self.hits as f64 / self.total as f64)
    }
}

impl HitRatio {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of `get` and `get_many` together.
    pub fn total(&self) -> Ratio {
        let (get, get_many) = (self.get(), self.get_many());
        Ratio { hits: get.hits + get_many.hits, total: get.total + get_many.total }
    }

    /// Of `get`.
    pub fn get(&self) -> Ratio {
        self.0[0].read()
    }

    /// Of the keys of `get_many`.
    pub fn get_many(&self) -> Ratio {
        self.0[1].read()
    }
}

impl Counter {
    fn read(&self) -> Ratio {
        // Hits first: seen late they are too few, never more than there were reads.
        let hits = self.hits.load(Ordering::Acquire);
        Ratio { hits, total: self.total.load(Ordering::Acquire).max(hits) }
    }

    fn add(&self, hits: usize, total: usize) {
        self.total.fetch_add(total as u64, Ordering::AcqRel);
        self.hits.fetch_add(hits as u64, Ordering::AcqRel);
    }
}

impl Middleware for HitRatio {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let (counter, asked) = match &request {
            Request::Get { .. } => (&self.0[0], 1),
            Request::GetMany { keys } => (&self.0[1], keys.len()),
            _ => return next.run(request),
        };
        Box::pin(async move {
            let outcome = next.run(request).await;
            let lives = |entry: &Entry| entry.is_alive(next.clock());
            let hits = match &outcome {
                Ok(Response::Entry(entry)) => usize::from(entry.as_deref().is_some_and(lives)),
                Ok(Response::Entries(entries)) => {
                    entries.iter().flatten().filter(|entry| lives(entry)).count()
                }
                _ => 0,
            };
            counter.add(hits, asked);
            outcome
        })
    }
}
