//! Counters.

use std::future::IntoFuture;

use crate::backend::Increment;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key};
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Adds 1, or what `.by(n)` says, to the integer under the key; tells what it is then.
    ///
    /// A missing counter begins at zero. With `.ttl(…)` a counter that has no expiry gets one, at whatever
    /// step, in the same atomic operation; one that has keeps it.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if something else is stored; it stays as it is.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_core::Cache) -> cache_core::Result<()> {
    /// let visits = cache.incr("visits").by(2).ttl("1d").await?;
    /// # Ok(()) }
    /// ```
    pub fn incr(&self, key: impl IntoKey) -> Incr<'_> {
        Incr { cache: self, key: key.into_key(), by: 1, down: false, ttl: None }
    }

    /// Subtracts 1, or what `.by(n)` says. Counters go below zero.
    pub fn decr(&self, key: impl IntoKey) -> Incr<'_> {
        Incr { cache: self, key: key.into_key(), by: 1, down: true, ttl: None }
    }
}

/// [`Cache::incr`] or [`Cache::decr`], on its way.
#[derive(Debug)]
#[must_use = "nothing is counted before `.await`"]
pub struct Incr<'c> {
    cache: &'c Cache,
    key: Key,
    by: i64,
    down: bool,
    ttl: Option<Result<Ttl>>,
}

impl Incr<'_> {
    /// The step.
    pub fn by(mut self, step: i64) -> Self {
        self.by = step;
        self
    }

    /// The life of a counter that has no expiry yet.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }
}

impl<'c> IntoFuture for Incr<'c> {
    type Output = Result<i64>;
    type IntoFuture = BoxFuture<'c, Result<i64>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let route = self.cache.route_or_error(&self.key)?;
            let ttl = self.ttl.transpose()?.or(route.default_ttl());
            let by = if self.down { self.by.checked_neg() } else { Some(self.by) };
            let by = by.ok_or_else(|| Error::config("decr by i64::MIN is out of range"))?;
            let step = Increment::new(by, ttl.and_then(Ttl::duration));
            let value = route.increment(&self.key, step).await?;
            self.cache.flights().abandon(self.key.as_key());
            Ok(value)
        })
    }
}
