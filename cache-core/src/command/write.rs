//! Commands that store.

use std::future::IntoFuture;

use super::{ToValue, Value};
use crate::backend::SetIf;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::codec::Codec;
use crate::entry::Entry;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::strategy::weighed;
use crate::tag::Tags;
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Stores a value; `true` if it was stored.
    ///
    /// Without `.ttl(…)` it gets the route's default ttl, or none; an older expiry is never kept.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_core::Cache) -> cache_core::Result<()> {
    /// let stored = cache.set("greeting", "hello").ttl("20h").if_absent().await?;
    /// # Ok(()) }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "`ToValue` is implemented for references")]
    pub fn set<V: ToValue>(&self, key: impl IntoKey, value: V) -> Set<'_, V::Stored> {
        Set {
            cache: self,
            key: key.into_key(),
            value: value.to_stored(),
            ttl: None,
            tags: Tags::new(),
            only_if: SetIf::Always,
        }
    }

    /// Stores a value only if there is none under the key; `false` leaves the first one untouched.
    pub fn add<V: ToValue>(&self, key: impl IntoKey, value: V) -> Add<'_, V::Stored> {
        Add(self.set(key, value).if_absent())
    }

    /// Stores several values. An empty list does nothing; of equal keys the last wins.
    pub fn set_many<K: IntoKey, V: ToValue>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> SetMany<'_, V::Stored> {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into_key(), value.to_stored())).collect();
        SetMany { cache: self, pairs, ttl: None, tags: Tags::new() }
    }
}

/// [`Cache::set`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct Set<'c, T> {
    cache: &'c Cache,
    key: Key,
    value: T,
    ttl: Option<Result<Ttl>>,
    tags: Tags,
    only_if: SetIf,
}

impl<T> Set<'_, T> {
    /// Carries these tags: [`delete_tags`](Cache::delete_tags) of any of them ends it.
    pub fn tags<K: IntoKey>(mut self, tags: impl IntoIterator<Item = K>) -> Self {
        self.tags = Tags::of(tags);
        self
    }

    /// Expires after this: `"20h"`, seconds, a [`Duration`](std::time::Duration), or `"forever"` where the
    /// route has a default.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }

    /// Only if there is no living entry.
    pub fn if_absent(mut self) -> Self {
        self.only_if = SetIf::Absent;
        self
    }

    /// Only if there is a living entry.
    pub fn if_present(mut self) -> Self {
        self.only_if = SetIf::Present;
        self
    }
}

impl<'c, T: Value> IntoFuture for Set<'c, T> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let route = self.cache.route_or_error(&self.key)?;
            let ttl = self.ttl.transpose()?.or(route.default_ttl());
            let meta = self.cache.meta(ttl);
            let entry = Entry::new(self.value, meta).stamped(route.stamp(&self.tags).await?);
            self.cache.store(&self.key, entry, Some(Codec::of::<T>()), self.only_if).await
        })
    }
}

/// [`Cache::add`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct Add<'c, T>(Set<'c, T>);

impl<T> Add<'_, T> {
    /// Carries these tags.
    pub fn tags<K: IntoKey>(self, tags: impl IntoIterator<Item = K>) -> Self {
        Self(self.0.tags(tags))
    }

    /// Expires after this.
    pub fn ttl(self, ttl: impl IntoTtl) -> Self {
        Self(self.0.ttl(ttl))
    }
}

impl<'c, T: Value> IntoFuture for Add<'c, T> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        self.0.into_future()
    }
}

/// [`Cache::set_many`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct SetMany<'c, T> {
    cache: &'c Cache,
    pairs: Vec<(Key, T)>,
    ttl: Option<Result<Ttl>>,
    tags: Tags,
}

impl<T> SetMany<'_, T> {
    /// All carry these tags.
    pub fn tags<K: IntoKey>(mut self, tags: impl IntoIterator<Item = K>) -> Self {
        self.tags = Tags::of(tags);
        self
    }

    /// All expire after this.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }
}

impl<'c, T: Value> IntoFuture for SetMany<'c, T> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'c, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let codec = Some(Codec::of::<T>());
            let ttl = self.ttl.transpose()?;
            for (route, pairs) in self.cache.by_route(self.pairs)? {
                let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
                let meta = self.cache.meta(ttl.or(route.default_ttl()));
                let stamps = route.stamp(&self.tags).await?;
                let entry = |value| {
                    let entry = Entry::new(value, meta).stamped(stamps.clone());
                    if route.weighs() { weighed(entry, codec) } else { entry }
                };
                let entries = pairs.into_iter().map(|(key, value)| (key, entry(value))).collect();
                route.set_many(entries, codec).await?;
                keys.iter().for_each(|key| self.cache.flights().abandon(key.as_key()));
            }
            Ok(())
        })
    }
}
