//! Compare and set: store only over what was read.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use super::options::{Life, Options, call_options, codec_option, life_options};
use super::read::read_stored;
use super::{ToValue, Value, weigh};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::coder::Coding;
use crate::command::Command;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key};

impl Cache {
    /// The value under a key, with the token that [`cas`](Cache::cas) takes, in whose example it is used; `None` as in
    /// [`get`](Cache::get).
    pub fn gets<T: Value>(&self, key: impl IntoKey) -> Gets<'_, T> {
        Gets { cache: self, key: key.into_key(), options: Options::default(), value: PhantomData }
    }

    /// Stores a value only if the key still holds what [`gets`](Cache::gets) read; `true` if it was stored.
    ///
    /// `false` if it was replaced (also by an equal value in memory), counted, deleted, evicted, or expired since. A
    /// new expiry of the same value is no change. In one atomic step, on every backend that supports it; without
    /// `.ttl(…)` the life is as in [`set`](Cache::set).
    ///
    /// # Errors
    /// [`Error::Config`] for a token of another key; [`Error::Unsupported`] where a backend cannot compare.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("names", &vec!["Grace".to_owned()]).await?;
    /// while let Some((names, token)) = cache.gets::<Vec<String>>("names").await? {
    ///     let longer = [names, vec!["Ada".to_owned()]].concat();
    ///     if cache.cas("names", &longer, &token).ttl("1h").await? {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(cache.get::<Vec<String>>("names").await?.unwrap(), ["Grace", "Ada"]);
    /// # Ok(()) }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "`ToValue` is implemented for references")]
    pub fn cas<V: ToValue>(&self, key: impl IntoKey, value: V, token: &Token) -> Cas<'_, V::Stored> {
        Cas {
            cache: self,
            key: key.into_key(),
            value: value.to_stored(),
            token: token.clone(),
            life: Life::default(),
            options: Options::default(),
        }
    }
}

/// What a key held when it was read: [`Cache::gets`] gives one, [`Cache::cas`] takes it.
#[derive(Debug, Clone)]
pub struct Token {
    key: Key,
    entry: Arc<Entry>,
}

/// [`Cache::gets`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct Gets<'c, T> {
    cache: &'c Cache,
    key: Key,
    options: Options,
    value: PhantomData<fn() -> T>,
}

call_options!(Gets<T>, options);
codec_option!(Gets<T>, options);

impl<'c, T: Value> IntoFuture for Gets<'c, T> {
    type Output = Result<Option<(T, Token)>>;
    type IntoFuture = BoxFuture<'c, Result<Option<(T, Token)>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, options, .. } = self;
        let key = options.key(key);
        let coding = options.coding::<T>();
        let sparing = options.sparing();
        options.run(cache, async move {
            if cache.route_for(Command::Get, &key)?.is_none() {
                return Ok(None);
            }
            // As the backend keeps it: that is what it can compare.
            let look = sparing.of(cache, &key, None, cache.look(&key, Coding::NONE));
            let Some(entry) = look.await? else { return Ok(None) };
            let value = cache.readable(&key, read_stored(cache, &key, &entry, coding?))?;
            Ok(value.map(|value| (value, Token { key, entry })))
        })
    }
}

/// [`Cache::cas`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct Cas<'c, T> {
    cache: &'c Cache,
    key: Key,
    value: T,
    token: Token,
    life: Life,
    options: Options,
}

call_options!(Cas<T>, options);
codec_option!(Cas<T>, options);
life_options!(Cas<T>, life);

impl<'c, T: Value> IntoFuture for Cas<'c, T> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, value, token, life, options } = self;
        let key = options.key(key);
        let coding = options.coding::<T>();
        options.run(cache, async move {
            if key != token.key {
                return Err(Error::config(format!("the token is of `{}` and the key is `{key}`", token.key)));
            }
            let Some(route) = cache.route_for(Command::Cas, &key)? else { return Ok(false) };
            let (meta, stamps) = cache.begin_entry(&key, life).await?;
            let coding = coding?;
            let entry = weigh(route, Entry::new(value, meta).stamped(stamps), coding);
            let stored = route.compare_and_set(&key, &token.entry, entry, coding).await?;
            if stored {
                cache.abandon(&key);
            }
            Ok(stored)
        })
    }
}
