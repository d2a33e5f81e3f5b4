//! Commands about how long entries live.

use std::future::IntoFuture;

use super::options::{Life, Options, call_options, key_command};
use crate::backend::Expiry;
use crate::cache::Cache;
use crate::clock::{BoxFuture, Time};
use crate::coder::Coding;
use crate::command::Command;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Gives the entry a new life from now; `"forever"` takes its expiry away. `false` only if there is none.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a ttl of zero: that would be [`delete`](Cache::delete).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert!(!cache.expire("k", "1m").await?, "there is none");
    /// cache.set("k", &1).ttl("1m").await?;
    /// assert!(cache.expire("k", "forever").await?);
    /// assert_eq!(cache.get_expire("k").await?, cache_core::Expiry::Never);
    /// # Ok(()) }
    /// ```
    pub fn expire(&self, key: impl IntoKey, ttl: impl IntoTtl) -> Expire<'_> {
        Expire { cache: self, key: key.into_key(), ttl: Some(ttl.into_ttl()), options: Options::default() }
    }

    /// Gives the entry the life it would have if it were set now: `.ttl(…)`, or the route's default, or none.
    /// `false` if there is none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("session", "Ada").ttl("30m").await?;
    /// assert!(cache.touch("session").ttl("30m").await?);
    /// # Ok(()) }
    /// ```
    pub fn touch(&self, key: impl IntoKey) -> Touch<'_> {
        let options = Options::default();
        Touch { expire: Expire { cache: self, key: key.into_key(), ttl: None, options } }
    }

    /// When the key expires: tells "no key", "no expiry" and a duration apart.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// use cache_core::Expiry;
    ///
    /// assert_eq!(cache.get_expire("k").await?, Expiry::Missing);
    /// cache.set("k", &1).ttl("1m").await?;
    /// let left = cache.get_expire("k").await?.remaining();
    /// assert!(left.is_some_and(|left| left.as_secs() <= 60));
    /// # Ok(()) }
    /// ```
    pub fn get_expire(&self, key: impl IntoKey) -> GetExpire<'_> {
        GetExpire { cache: self, key: key.into_key(), options: Options::default() }
    }
}

/// [`Cache::expire`], on its way.
#[derive(Debug)]
#[must_use = "nothing changes before `.await`"]
pub struct Expire<'c> {
    cache: &'c Cache,
    key: Key,
    ttl: Option<Result<Ttl>>,
    options: Options,
}

call_options!(Expire, options);

impl<'c> IntoFuture for Expire<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, ttl, options } = self;
        let key = options.key(key);
        let sparing = options.sparing();
        options.run(cache, async move {
            let Some(route) = cache.route_for(Command::Expire, &key)? else { return Ok(false) };
            let ttl = Life::ttl_or(ttl, route.default_ttl())?.unwrap_or(Ttl::FOREVER);
            let moved = route.expire(&key, ttl.expiry(cache.now())).await;
            sparing.on(cache, route, key.as_str(), moved, false)
        })
    }
}

/// [`Cache::touch`], on its way.
#[derive(Debug)]
#[must_use = "nothing changes before `.await`"]
pub struct Touch<'c> {
    expire: Expire<'c>,
}

call_options!(Touch, expire.options);

impl Touch<'_> {
    /// Lives this long from now.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.expire.ttl = Some(ttl.into_ttl());
        self
    }
}

impl<'c> IntoFuture for Touch<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        self.expire.into_future()
    }
}

/// [`Cache::get_expire`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct GetExpire<'c> {
    cache: &'c Cache,
    key: Key,
    options: Options,
}

key_command!(GetExpire -> Expiry, or Expiry::Missing, |cache, key| {
    if cache.route_for(Command::GetExpire, &key)?.is_none() {
        return Ok(Expiry::Missing);
    }
    loop {
        return Ok(match cache.look(&key, Coding::NONE).await?.map(|entry| entry.expires()) {
            None => Expiry::Missing,
            // Replaced just now: the new one has its own.
            Some(Time::ORIGIN) => continue,
            Some(Time::NEVER) => Expiry::Never,
            Some(expires) => Expiry::In(expires.since(cache.now())),
        });
    }
});
