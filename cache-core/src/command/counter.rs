//! Counters.

use std::future::IntoFuture;

use super::options::{Life, Options, call_options};
use crate::backend::Increment;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key};
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Adds 1, or what `.by(n)` says, to the integer under the key; tells what it is then.
    ///
    /// A missing counter begins at zero. With `.ttl(…)` a counter that has no expiry gets one, at whatever
    /// step, in the same atomic operation; one that has keeps it. Without, the route's default ttl is given in the
    /// same way; `.ttl("forever")` gives none.
    ///
    /// # Errors
    /// [`Error::NotANumber`] if something else is stored; it stays as it is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert_eq!(cache.incr("visits").ttl("1d").await?, 1);
    /// assert_eq!(cache.incr("visits").by(5).await?, 6);
    /// assert_eq!(cache.decr("visits").by(9).await?, -3);
    /// # Ok(()) }
    /// ```
    pub fn incr(&self, key: impl IntoKey) -> Incr<'_> {
        Incr { cache: self, key: key.into_key(), by: 1, down: false, ttl: None, options: Options::default() }
    }

    /// Subtracts 1, or what `.by(n)` says. Counters go below zero. All else as in [`incr`](Cache::incr).
    pub fn decr(&self, key: impl IntoKey) -> Incr<'_> {
        Incr { down: true, ..self.incr(key) }
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
    options: Options,
}

call_options!(Incr, options);

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
        let Self { cache, key, by, down, ttl, options } = self;
        let key = options.key(key);
        options.run(cache, async move {
            let route = cache.route_or_error(&key)?;
            let ttl = Life::ttl_or(ttl, route.default_ttl())?;
            let by = if down { by.checked_neg() } else { Some(by) };
            let by = by.ok_or_else(|| Error::config("decr by i64::MIN is out of range"))?;
            if cache.is_off(Command::Incr, route) {
                return Ok(by);
            }
            let value = route.increment(&key, Increment::new(by, ttl.and_then(Ttl::duration))).await?;
            cache.abandon(&key);
            Ok(value)
        })
    }
}
