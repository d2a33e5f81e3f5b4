//! Commands that read values.

use std::any::{Any, TypeId};
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as SerdeError, I64Deserializer};

use super::Value;
use super::options::{Options, call_options, codec_option};
use crate::backend::Peek;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::coder::{Coding, is_integer};
use crate::command::Command;
use crate::entry::{Entry, Kind};
use crate::error::Result;
use crate::key::{IntoKey, Key};

impl Cache {
    /// The value under a key; `None` for a miss, and for a value of another type.
    ///
    /// A counter reads as any integer type it fits. What [`set_raw`](Cache::set_raw) stored reads as what its bytes
    /// encode. What cannot be read (damaged, forged, of another shape) is a miss, and an event
    /// [`Unreadable`](crate::EventKind::Unreadable).
    ///
    /// # Errors
    /// What the backend fails with.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// let name = cache.get("user:7:name").timeout("50ms").await?.unwrap_or("nobody".to_owned());
    /// assert_eq!(name, "nobody");
    /// # Ok(()) }
    /// ```
    pub fn get<T: Value>(&self, key: impl IntoKey) -> Get<'_, T> {
        Get { cache: self, key: key.into_key(), options: Options::default(), value: PhantomData }
    }

    /// The values under several keys, in their order, `None` for misses. Keys may repeat; no keys give no values.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("b", &2).await?;
    /// assert_eq!(cache.get_many::<i32, _>(["a", "b"]).await?, [None, Some(2)]);
    /// # Ok(()) }
    /// ```
    pub fn get_many<T: Value, K: IntoKey>(&self, keys: impl IntoIterator<Item = K>) -> GetMany<'_, T> {
        let keys = keys.into_iter().map(IntoKey::into_key).collect();
        GetMany { cache: self, keys, options: Options::default(), value: PhantomData }
    }
}

/// [`Cache::get`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct Get<'c, T> {
    cache: &'c Cache,
    key: Key,
    options: Options,
    value: PhantomData<fn() -> T>,
}

call_options!(Get<T>, options);
codec_option!(Get<T>, options);

impl<'c, T: Value> IntoFuture for Get<'c, T> {
    type Output = Result<Option<T>>;
    type IntoFuture = BoxFuture<'c, Result<Option<T>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, options, .. } = self;
        let key = options.key(key);
        let coding = options.coding::<T>();
        let sparing = options.sparing();
        options.run(cache, async move {
            let Some(route) = cache.route_for(Command::Get, &key)? else { return Ok(None) };
            let mut found = None;
            let peek = route.peek(key.as_key(), &mut |entry| {
                if cache.is_alive(entry) {
                    found = read(entry);
                }
            });
            // A backend of bytes may show them too; those are for `get` to decode.
            if found.is_some() || peek == Peek::Missing {
                return Ok(found);
            }
            let entry = cache.readable(&key, route.get(&key, coding?).await);
            let entry = sparing.on(cache, route, key.as_str(), entry, None)?;
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
    options: Options,
    value: PhantomData<fn() -> T>,
}

call_options!(GetMany<T>, options);
codec_option!(GetMany<T>, options);

impl<'c, T: Value> IntoFuture for GetMany<'c, T> {
    type Output = Result<Vec<Option<T>>>;
    type IntoFuture = BoxFuture<'c, Result<Vec<Option<T>>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, keys, options, .. } = self;
        let keys = options.keys(keys);
        let coding = options.coding::<T>();
        let sparing = options.sparing();
        options.run(cache, async move {
            let coding = coding?;
            let mut values: Vec<Option<T>> = keys.iter().map(|_| None).collect();
            let indexed = keys.into_iter().enumerate().map(|(index, key)| (key, index));
            for (route, group) in cache.by_route(indexed)? {
                if cache.is_off(Command::GetMany, route) {
                    continue;
                }
                let (keys, places): (Vec<_>, Vec<_>) = group.into_iter().unzip();
                let entries = route.get_many_near(&keys, coding, |entry| read::<T>(entry).is_some()).await;
                let name = keys.first().map_or("", Key::as_str);
                let entries = sparing.on(cache, route, name, entries, Vec::new())?;
                for ((index, key), entry) in places.into_iter().zip(&keys).zip(entries) {
                    let entry = cache.readable(key, entry);
                    let entry = sparing.on(cache, route, key.as_str(), entry, None)?;
                    values[index] = entry.and_then(|entry| read(&entry));
                }
            }
            Ok(values)
        })
    }
}

/// The entry's value as a `T`.
pub(super) fn read<T: Value>(entry: &Entry) -> Option<T> {
    if entry.kind() != Kind::Value {
        return None;
    }
    entry.downcast_ref::<T>().cloned().or_else(|| counter(entry.value()))
}

/// The same for an entry as its backend keeps it.
pub(super) fn read_stored<T: Value>(
    cache: &Cache,
    key: &Key,
    entry: &Arc<Entry>,
    coding: Coding,
) -> Result<Option<T>> {
    let entry = cache.route_or_error(key)?.decoded(Arc::clone(entry), coding)?;
    Ok(read(&entry))
}

/// A counter, as whatever integer type was asked for.
fn counter<T: Value>(value: &dyn Any) -> Option<T> {
    let number = *value.downcast_ref::<i64>().filter(|_| is_integer(TypeId::of::<T>()))?;
    let number: I64Deserializer<SerdeError> = number.into_deserializer();
    T::deserialize(number).ok()
}
