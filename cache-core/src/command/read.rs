//! Commands that read.

use std::any::Any;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as SerdeError, I64Deserializer};

use super::Value;
use crate::backend::Peek;
use crate::cache::{Cache, CacheRef};
use crate::clock::BoxFuture;
use crate::codec::Codec;
use crate::entry::{Entry, Kind};
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::returns::Returned;
use crate::strategy::cached::get_or_compute;
use crate::tag::Tags;
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// The value under a key; `None` for a miss, and for a value of another type.
    ///
    /// A counter reads as any integer type it fits.
    pub fn get<T: Value>(&self, key: impl IntoKey) -> Get<'_, T> {
        Get { cache: self, key: key.into_key(), value: PhantomData }
    }

    /// The values under several keys, in their order, `None` for misses. Keys may repeat.
    pub fn get_many<T: Value, K: IntoKey>(&self, keys: impl IntoIterator<Item = K>) -> GetMany<'_, T> {
        GetMany { cache: self, keys: keys.into_iter().map(IntoKey::into_key).collect(), value: PhantomData }
    }

    /// The value under a key, computed and stored if there is none. Of all callers that miss it at once, one
    /// computes.
    ///
    /// A broken backend is a miss: the value is computed.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_core::Cache) -> cache_core::Result<()> {
    /// let answer: u64 = cache.get_or_set("answer", || async { 42 }).ttl("1h").await?;
    /// # Ok(()) }
    /// ```
    pub fn get_or_set<T, F, Fut>(&self, key: impl IntoKey, compute: F) -> GetOrSet<'_, F>
    where
        T: Value,
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        GetOrSet { cache: self, key: key.into_key(), compute, ttl: None, tags: Tags::new() }
    }

    /// Whether a living entry is under the key.
    pub async fn exists(&self, key: impl IntoKey) -> Result<bool> {
        let key = key.into_key();
        Ok(self.look(&key, None).await?.is_some())
    }

    /// The living entry: from memory without waiting, else from the backend.
    pub(crate) async fn look(&self, key: &Key, codec: Option<&Codec>) -> Result<Option<Arc<Entry>>> {
        self.route_or_error(key)?.get(key, codec).await
    }
}

/// [`Cache::get`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct Get<'c, T> {
    cache: &'c Cache,
    key: Key,
    value: PhantomData<fn() -> T>,
}

impl<'c, T: Value> IntoFuture for Get<'c, T> {
    type Output = Result<Option<T>>;
    type IntoFuture = BoxFuture<'c, Result<Option<T>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let route = self.cache.route_or_error(&self.key)?;
            let mut found = None;
            let peek = route.peek(self.key.as_key(), &mut |entry| {
                if self.cache.is_alive(entry) {
                    found = read(entry);
                }
            });
            // A backend of bytes may show them too; those are for `get` to decode.
            if found.is_some() || peek == Peek::Missing {
                return Ok(found);
            }
            let entry = route.get(&self.key, Some(Codec::of::<T>())).await?;
            Ok(entry.and_then(|entry| read(&entry)))
        })
    }
}

/// [`Cache::get_many`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct GetMany<'c, T> {
    cache: &'c Cache,
    keys: Vec<Key>,
    value: PhantomData<fn() -> T>,
}

impl<'c, T: Value> IntoFuture for GetMany<'c, T> {
    type Output = Result<Vec<Option<T>>>;
    type IntoFuture = BoxFuture<'c, Result<Vec<Option<T>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut values: Vec<Option<T>> = self.keys.iter().map(|_| None).collect();
            let indexed = self.keys.into_iter().enumerate().map(|(index, key)| (key, index));
            for (route, group) in self.cache.by_route(indexed)? {
                let (keys, places): (Vec<_>, Vec<_>) = group.into_iter().unzip();
                let entries = route.get_many(&keys, Some(Codec::of::<T>())).await?;
                for (index, entry) in places.into_iter().zip(entries) {
                    values[index] = entry.and_then(|entry| read(&entry));
                }
            }
            Ok(values)
        })
    }
}

/// [`Cache::get_or_set`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read or computed before `.await`"]
pub struct GetOrSet<'c, F> {
    cache: &'c Cache,
    key: Key,
    compute: F,
    ttl: Option<Result<Ttl>>,
    tags: Tags,
}

impl<F> GetOrSet<'_, F> {
    /// A computed value carries these tags; [`delete_tags`](Cache::delete_tags) ends them.
    pub fn tags<K: IntoKey>(mut self, tags: impl IntoIterator<Item = K>) -> Self {
        self.tags = Tags::of(tags);
        self
    }

    /// A computed value expires after this.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }
}

impl<'c, T, F, Fut> IntoFuture for GetOrSet<'c, F>
where
    T: Value,
    F: FnOnce() -> Fut + Send + 'c,
    Fut: Future<Output = T> + Send + 'c,
{
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'c, Result<T>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let route = self.cache.route_or_error(&self.key)?;
            let ttl = self.ttl.transpose()?.or(route.default_ttl());
            let cache = CacheRef::Given(self.cache.clone());
            // An async block, so that the closure itself runs only on a miss.
            let compute = async move { (self.compute)().await };
            Ok(get_or_compute(cache, self.key, Returned::plain(), ttl, self.tags, compute).await)
        })
    }
}

/// The entry's value as a `T`.
fn read<T: Value>(entry: &Entry) -> Option<T> {
    if entry.kind() != Kind::Value {
        return None;
    }
    entry.downcast_ref::<T>().cloned().or_else(|| counter(entry.value()))
}

/// A counter, as whatever integer type was asked for.
fn counter<T: Value>(value: &dyn Any) -> Option<T> {
    let number = *value.downcast_ref::<i64>()?;
    let number: I64Deserializer<SerdeError> = number.into_deserializer();
    T::deserialize(number).ok()
}
