//! Commands about how long entries live.

use std::future::IntoFuture;

use crate::backend::Expiry;
use crate::cache::Cache;
use crate::clock::{BoxFuture, Time};
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Gives the entry a new life from now; `"forever"` takes its expiry away. `false` if there is none.
    pub fn expire(&self, key: impl IntoKey, ttl: impl IntoTtl) -> Expire<'_> {
        Expire { cache: self, key: key.into_key(), ttl: Some(ttl.into_ttl()) }
    }

    /// Gives the entry the life it would have if it were set now: `.ttl(…)`, or the route's default, or none.
    /// `false` if there is none.
    pub fn touch(&self, key: impl IntoKey) -> Touch<'_> {
        Touch(Expire { cache: self, key: key.into_key(), ttl: None })
    }

    /// When the key expires: tells "no key", "no expiry" and a duration apart.
    pub async fn get_expire(&self, key: impl IntoKey) -> Result<Expiry> {
        let key = key.into_key();
        loop {
            return Ok(match self.look(&key, None).await?.map(|entry| entry.expires()) {
                None => Expiry::Missing,
                // Replaced just now: the new one has its own.
                Some(Time::ORIGIN) => continue,
                Some(Time::NEVER) => Expiry::Never,
                Some(expires) => Expiry::In(expires.since(self.now())),
            });
        }
    }
}

/// [`Cache::expire`], on its way.
#[derive(Debug)]
#[must_use = "nothing changes before `.await`"]
pub struct Expire<'c> {
    cache: &'c Cache,
    key: Key,
    ttl: Option<Result<Ttl>>,
}

impl<'c> IntoFuture for Expire<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let route = self.cache.route_or_error(&self.key)?;
            let ttl = self.ttl.transpose()?.or(route.default_ttl()).unwrap_or(Ttl::FOREVER);
            route.expire(&self.key, ttl.expiry(self.cache.now())).await
        })
    }
}

/// [`Cache::touch`], on its way.
#[derive(Debug)]
#[must_use = "nothing changes before `.await`"]
pub struct Touch<'c>(Expire<'c>);

impl Touch<'_> {
    /// Lives this long from now.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.0.ttl = Some(ttl.into_ttl());
        self
    }
}

impl<'c> IntoFuture for Touch<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.into_future()
    }
}
