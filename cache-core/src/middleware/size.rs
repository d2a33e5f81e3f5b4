//! Keeps out what is too small or too large.

use super::{Item, Middleware, Next, Request, Response};
use crate::backend::SetIf;
use crate::clock::BoxFuture;
use crate::error::{Error, Result};

/// Stores only values between two sizes, in bytes of the encoded value (its key not counted).
///
/// A write outside is dropped and answered `false`, as a condition that did not hold; of `set_many` only those
/// inside are stored. Where a write would have replaced a value, that goes: an old value must not outlive a newer
/// one that was too large.
///
/// The size is measured without keeping the bytes, also on backends that keep objects. A value that does not encode
/// has no size and is not stored. Counters, locks and limits are not values and pass.
///
/// A `cas` that is refused leaves the old value, as one that came too late does: a loop that tries again until it
/// succeeds needs an end of its own.
///
/// ```
/// use cache_core::middleware::SizeLimit;
///
/// let limit = SizeLimit::at_most(64 * 1024).and_at_least(16);
/// assert_eq!((limit.min, limit.max), (16, 65536));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimit {
    /// The least bytes that are stored; 0 for no limit.
    pub min: usize,
    /// The most bytes that are stored; `usize::MAX` for no limit.
    pub max: usize,
}

impl SizeLimit {
    /// Nothing larger than this many bytes.
    pub const fn at_most(max: usize) -> Self {
        Self { min: 0, max }
    }

    /// Nor anything smaller than this: what is small is perhaps cheaper to compute than to fetch.
    #[must_use]
    pub const fn and_at_least(self, min: usize) -> Self {
        Self { min, ..self }
    }

    fn takes(&self, item: &Item) -> bool {
        item.size().is_some_and(|size| (self.min..=self.max).contains(&size))
    }
}

impl Default for SizeLimit {
    /// No limits; what does not encode is still kept out.
    fn default() -> Self {
        Self::at_most(usize::MAX)
    }
}

impl Middleware for SizeLimit {
    fn check(&self) -> Result<()> {
        if self.min > self.max {
            return Err(Error::config(format!(
                "a size limit of at least {} and at most {} bytes stores nothing",
                self.min, self.max
            )));
        }
        Ok(())
    }

    fn sees_hits(&self) -> bool {
        false
    }

    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            match request {
                Request::Set { item, options } if !self.takes(&item) => {
                    // A fill replaces nothing: there was nothing when it began, and what is there now is newer.
                    let replaces = options.fill.is_none() || options.supersedes;
                    if options.only_if != SetIf::Absent && replaces {
                        next.run(Request::Delete { key: item.key }).await?;
                    }
                    Ok(Response::Flag(false))
                }
                Request::CompareAndSet { item } if !self.takes(&item) => Ok(Response::Flag(false)),
                Request::SetMany { items } => {
                    let (fit, unfit): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| self.takes(item));
                    if !unfit.is_empty() {
                        let keys = unfit.into_iter().map(|item| item.key).collect();
                        next.run(Request::DeleteMany { keys }).await?;
                    }
                    if fit.is_empty() {
                        return Ok(Response::Done);
                    }
                    next.run(Request::SetMany { items: fit }).await
                }
                other => next.run(other).await,
            }
        })
    }
}
