//! Commands that store.

use std::future::IntoFuture;

use super::options::{Life, Options, call_options, codec_option, life_options};
use super::{ToValue, Value, weigh};
use crate::backend::SetIf;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::command::Command;
use crate::entry::Entry;
use crate::error::Result;
use crate::key::{IntoKey, Key};

impl Cache {
    /// Stores a value; `true` if it was stored.
    ///
    /// Without `.ttl(…)` it gets the route's default ttl, or none; an older expiry is never kept.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert!(cache.set("greeting", "hello").ttl("20h").tags(["texts"]).await?);
    /// assert!(!cache.set("greeting", "good bye").if_absent().await?);
    /// # Ok(()) }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "`ToValue` is implemented for references")]
    pub fn set<V: ToValue>(&self, key: impl IntoKey, value: V) -> Set<'_, V::Stored> {
        Set {
            cache: self,
            key: key.into_key(),
            value: value.to_stored(),
            life: Life::default(),
            only_if: SetIf::Always,
            options: Options::default(),
        }
    }

    /// Stores a value only if there is none under the key; `false` leaves the first one untouched.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert!(cache.add("leader", "Ada").ttl("1m").await?);
    /// assert!(!cache.add("leader", "Grace").await?);
    /// # Ok(()) }
    /// ```
    pub fn add<V: ToValue>(&self, key: impl IntoKey, value: V) -> Add<'_, V::Stored> {
        Add { set: self.set(key, value).if_absent() }
    }

    /// Stores several values. An empty list does nothing; of equal keys the last wins.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set_many([("a", &1), ("b", &2)]).ttl("1h").await?;
    /// assert_eq!(cache.get("b").await?, Some(2));
    /// # Ok(()) }
    /// ```
    pub fn set_many<K: IntoKey, V: ToValue>(
        &self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> SetMany<'_, V::Stored> {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into_key(), value.to_stored())).collect();
        SetMany { cache: self, pairs, life: Life::default(), options: Options::default() }
    }
}

/// [`Cache::set`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct Set<'c, T> {
    cache: &'c Cache,
    key: Key,
    value: T,
    life: Life,
    only_if: SetIf,
    options: Options,
}

call_options!(Set<T>, options);
codec_option!(Set<T>, options);
life_options!(Set<T>, life);

impl<T> Set<'_, T> {
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
        let Self { cache, key, value, life, only_if, options } = self;
        let key = options.key(key);
        let coding = options.coding::<T>();
        let sparing = options.sparing();
        options.run(cache, async move {
            if cache.route_for(Command::Set, &key)?.is_none() {
                return Ok(false);
            }
            let store = async {
                let (meta, stamps) = cache.begin_entry(&key, life).await?;
                let entry = Entry::new(value, meta).stamped(stamps);
                cache.store(&key, entry, coding?, only_if).await
            };
            sparing.of(cache, &key, false, store).await
        })
    }
}

/// [`Cache::add`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct Add<'c, T> {
    set: Set<'c, T>,
}

call_options!(Add<T>, set.options);
codec_option!(Add<T>, set.options);
life_options!(Add<T>, set.life);

impl<'c, T: Value> IntoFuture for Add<'c, T> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        self.set.into_future()
    }
}

/// [`Cache::set_many`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct SetMany<'c, T> {
    cache: &'c Cache,
    pairs: Vec<(Key, T)>,
    life: Life,
    options: Options,
}

call_options!(SetMany<T>, options);
codec_option!(SetMany<T>, options);
life_options!(SetMany<T>, life);

impl<'c, T: Value> IntoFuture for SetMany<'c, T> {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'c, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, pairs, life, options } = self;
        let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (options.key(key), value)).collect();
        let coding = options.coding::<T>();
        let sparing = options.sparing();
        options.run(cache, async move {
            let coding = coding?;
            let ttl = life.ttl.transpose()?;
            for (route, pairs) in cache.by_route(pairs)? {
                if cache.is_off(Command::SetMany, route) {
                    continue;
                }
                let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
                let meta = cache.meta(ttl.or(route.default_ttl()));
                let store = async {
                    let stamps = route.stamp(&life.tags).await?;
                    let entry = |value| weigh(route, Entry::new(value, meta).stamped(stamps.clone()), coding);
                    let entries = pairs.into_iter().map(|(key, value)| (key, entry(value))).collect();
                    route.set_many(entries, coding).await
                };
                let name = keys.first().map_or("", Key::as_str);
                sparing.on(cache, route, name, store.await, ())?;
                keys.iter().for_each(|key| cache.abandon(key));
            }
            Ok(())
        })
    }
}
