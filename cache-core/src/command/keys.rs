//! Commands about keys: removing them, asking after them.

use std::future::IntoFuture;

use super::Removed;
use super::options::{Options, call_options, key_command};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::coder::Coding;
use crate::command::Command;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::lock;

impl Cache {
    /// Removes a key; tells whether something was there. A computation of it that is under way will not be
    /// stored, and nobody joins it any more.
    ///
    /// The key of a lock (`lock:…`) frees the lock, whoever holds it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("k", &1).await?;
    /// assert!(cache.delete("k").await?);
    /// assert!(!cache.delete("k").await?);
    /// # Ok(()) }
    /// ```
    pub fn delete(&self, key: impl IntoKey) -> Delete<'_> {
        Delete { cache: self, key: key.into_key(), options: Options::default() }
    }

    /// Removes several keys; tells how many were there. No keys are none; a key that repeats is one. All routes are
    /// tried; the first error is told.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("a", &1).await?;
    /// assert_eq!(cache.delete_many(["a", "b", "a"]).await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn delete_many<K: IntoKey>(&self, keys: impl IntoIterator<Item = K>) -> DeleteMany<'_> {
        let keys = keys.into_iter().map(IntoKey::into_key).collect();
        DeleteMany { cache: self, keys, options: Options::default() }
    }

    /// Whether a living entry is under the key.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("k", &1).await?;
    /// assert!(cache.exists("k").await?);
    /// assert!(!cache.exists("k").namespace("other").await?);
    /// # Ok(()) }
    /// ```
    pub fn exists(&self, key: impl IntoKey) -> Exists<'_> {
        Exists { cache: self, key: key.into_key(), options: Options::default() }
    }

    /// The bytes that a key and its value take in their backend, roughly; `None` if there is no such key. Memory
    /// estimates by what the value would take encoded.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) where the backend cannot tell.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("k", &vec![0u8; 1_000]).await?;
    /// assert!(cache.size_of("k").await?.is_some_and(|bytes| bytes >= 1_000));
    /// assert_eq!(cache.size_of("none").await?, None);
    /// # Ok(()) }
    /// ```
    pub fn size_of(&self, key: impl IntoKey) -> SizeOf<'_> {
        SizeOf { cache: self, key: key.into_key(), options: Options::default() }
    }
}

/// [`Cache::delete`], on its way.
#[derive(Debug)]
#[must_use = "nothing is removed before `.await`"]
pub struct Delete<'c> {
    cache: &'c Cache,
    key: Key,
    options: Options,
}

key_command!(Delete -> bool, or false, |cache, key| {
    let removed = cache.remove(&key).await;
    lock::tell_freed(&cache.spelled(&key));
    removed
});

/// [`Cache::delete_many`], on its way.
#[derive(Debug)]
#[must_use = "nothing is removed before `.await`"]
pub struct DeleteMany<'c> {
    cache: &'c Cache,
    keys: Vec<Key>,
    options: Options,
}

call_options!(DeleteMany, options);

impl<'c> IntoFuture for DeleteMany<'c> {
    type Output = Result<u64>;
    type IntoFuture = BoxFuture<'c, Result<u64>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, keys, options } = self;
        let keys = options.keys(keys);
        let sparing = options.sparing();
        options.run(cache, async move {
            let groups = cache.by_route(keys.iter().map(|key| (key.clone(), ())))?;
            let mut deleted = Removed::nothing();
            for (route, group) in groups {
                if cache.is_off(Command::DeleteMany, route) {
                    continue;
                }
                let keys: Vec<_> = group.into_iter().map(|(key, ())| key).collect();
                // A lock is named first, so that whoever is not told of anything else is told of that.
                let name = keys.iter().find(|key| lock::is_lock(key.as_str())).or(keys.first());
                let name = name.map_or("", Key::as_str);
                let removed = route.delete_many(&keys).await;
                deleted.add(sparing.on(cache, route, name, removed, 0));
                for key in &keys {
                    cache.abandon(key);
                    lock::tell_freed(&route.spelled(key));
                }
            }
            deleted.all()
        })
    }
}

/// [`Cache::exists`], on its way.
#[derive(Debug)]
#[must_use = "nothing is asked before `.await`"]
pub struct Exists<'c> {
    cache: &'c Cache,
    key: Key,
    options: Options,
}

key_command!(Exists -> bool, or false, |cache, key| {
    let Some(route) = cache.route_for(Command::Exists, &key)? else { return Ok(false) };
    Ok(cache.readable(&key, route.get(&key, Coding::NONE).await)?.is_some())
});

/// [`Cache::size_of`], on its way.
#[derive(Debug)]
#[must_use = "nothing is asked before `.await`"]
pub struct SizeOf<'c> {
    cache: &'c Cache,
    key: Key,
    options: Options,
}

key_command!(SizeOf -> Option<u64>, or None, |cache, key| {
    let Some(route) = cache.route_for(Command::SizeOf, &key)? else { return Ok(None) };
    route.size_of(&key).await
});
