//! Read, or compute and store.

use std::future::{Future, IntoFuture};

use super::Value;
use super::options::{Life, Options, codec_option, key_options, life_options};
use crate::cache::{Cache, CacheRef};
use crate::clock::BoxFuture;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::returns::Returned;
use crate::strategy::get_or_set::get_or_compute;

impl Cache {
    /// The value under a key, computed and stored if there is none. Of all callers that miss it at once, one
    /// computes.
    ///
    /// A broken backend is a miss: the value is computed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// let answer: u64 = cache.get_or_set("answer", || async { 42 }).ttl("1h").await?;
    /// # Ok(()) }
    /// ```
    pub fn get_or_set<T, F, Fut>(&self, key: impl IntoKey, compute: F) -> GetOrSet<'_, F>
    where
        T: Value,
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let (life, options) = (Life::default(), Options::default());
        GetOrSet { cache: self, key: key.into_key(), compute, life, options }
    }
}

/// [`Cache::get_or_set`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read or computed before `.await`"]
pub struct GetOrSet<'c, F> {
    cache: &'c Cache,
    key: Key,
    compute: F,
    life: Life,
    options: Options,
}

// No timeout: it would hold for the computation too.
key_options!(GetOrSet<F>, options);
codec_option!(GetOrSet<F>, options);
life_options!(GetOrSet<F>, life);

impl<'c, T, F, Fut> IntoFuture for GetOrSet<'c, F>
where
    T: Value,
    F: FnOnce() -> Fut + Send + 'c,
    Fut: Future<Output = T> + Send + 'c,
{
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'c, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, compute, life, options } = self;
        let key = options.key(key);
        let coding = options.coding::<T>();
        Box::pin(async move {
            let ttl = Life::ttl_or(life.ttl, cache.route_or_error(&key)?.default_ttl())?;
            let cache = CacheRef::Given(cache.clone());
            // An async block, so that the closure itself runs only on a miss.
            let compute = async move { compute().await };
            Ok(get_or_compute(cache, key, Returned::plain(coding?), ttl, life.tags, compute).await)
        })
    }
}
