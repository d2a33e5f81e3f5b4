//! Finding, reading and removing by pattern.

use std::future::IntoFuture;
use std::marker::PhantomData;

use super::Value;
use super::options::{Options, codec_option, timeout_option};
use super::read::read;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::command::Command;
use crate::envelope::Unreadable;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::pattern::Pattern;

/// How many values are asked for at a time.
const AT_ONCE: usize = 1_000;

impl Cache {
    /// The values whose keys match, each with its key, in no order; over every route the pattern can reach.
    ///
    /// What is gone by the time it is read, and values of another type, are left out. Keys under reserved prefixes
    /// are found only if the pattern names the prefix. Walks all keys of a route: not for the hot path.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("user:7:name", "Grace").await?;
    /// cache.set("user:7:visits", &12).await?;
    /// let names = cache.get_match::<String>("user:*:name").await?;
    /// assert_eq!(names, [("user:7:name".into(), "Grace".to_owned())]);
    /// # Ok(()) }
    /// ```
    pub fn get_match<T: Value>(&self, pattern: impl Into<Pattern>) -> GetMatch<'_, T> {
        GetMatch { cache: self, pattern: pattern.into(), options: Options::default(), value: PhantomData }
    }

    /// The keys that match, over every route the pattern can reach, in no order. Reserved prefixes as in
    /// [`delete_match`](Cache::delete_match).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set_many([("a:1", &1), ("a:2", &2), ("b:1", &3)]).await?;
    /// assert_eq!(cache.scan("a:*").await?.len(), 2);
    /// assert_eq!(cache.keys_count().await?, 3);
    /// # Ok(()) }
    /// ```
    pub async fn scan(&self, pattern: impl Into<Pattern>) -> Result<Vec<Key>> {
        self.scan_for(Command::Scan, &pattern.into()).await
    }

    /// The keys that match, on the routes where this command is on.
    async fn scan_for(&self, command: Command, pattern: &Pattern) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for route in self.routes_of(pattern).filter(|route| !self.is_off(command, route)) {
            let found = route.scan(pattern).await?;
            // One backend behind two routes shows each key twice; a key counts where it is routed.
            keys.extend(
                found
                    .into_iter()
                    .filter(|key| self.route_of(key.as_key()).is_some_and(|owner| owner.id() == route.id())),
            );
        }
        Ok(keys)
    }

    /// How many keys are stored, reserved ones not counted. Walks them all.
    pub async fn keys_count(&self) -> Result<u64> {
        Ok(self.scan_for(Command::KeysCount, &Pattern::new("*")).await?.len() as u64)
    }

    /// Removes every key that matches; tells how many there were. `*` is any run of characters.
    ///
    /// Goes to every route the pattern can reach. Keys under reserved prefixes go only if the pattern names
    /// the prefix. Walks all keys of a route: cheap for correctness, not for speed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set_many([("a:1", &1), ("a:2", &2), ("b:1", &3)]).await?;
    /// assert_eq!(cache.delete_match("a:*").await?, 2);
    /// # Ok(()) }
    /// ```
    pub async fn delete_match(&self, pattern: impl Into<Pattern>) -> Result<u64> {
        let pattern = pattern.into();
        let removed = self.remove_match(&pattern).await;
        self.spared(removed, pattern.as_str(), self.routes_of(&pattern))
    }
}

/// [`Cache::get_match`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct GetMatch<'c, T> {
    cache: &'c Cache,
    pattern: Pattern,
    options: Options,
    value: PhantomData<fn() -> T>,
}

timeout_option!(GetMatch<T>, options);
codec_option!(GetMatch<T>, options);

impl<'c, T: Value> IntoFuture for GetMatch<'c, T> {
    type Output = Result<Vec<(Key, T)>>;
    type IntoFuture = BoxFuture<'c, Result<Vec<(Key, T)>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, pattern, options, .. } = self;
        let coding = options.coding::<T>();
        options.run(cache, async move {
            let coding = coding?;
            let mut found = Vec::new();
            let keys = cache.scan_for(Command::GetMatch, &pattern).await?;
            for (route, group) in cache.by_route(keys.into_iter().map(|key| (key, ())))? {
                let keys: Vec<_> = group.into_iter().map(|(key, ())| key).collect();
                for keys in keys.chunks(AT_ONCE) {
                    let entries = route.get_many(keys, coding).await?;
                    found.extend(keys.iter().zip(entries).filter_map(|(key, entry)| {
                        if let Err(Error::Unreadable(Unreadable::Schema)) = entry {
                            // A value of another type, as there are others under a pattern.
                            return None;
                        }
                        let entry = cache.readable(key, entry).ok()??;
                        Some((key.clone(), read(&entry)?))
                    }));
                }
            }
            Ok(found)
        })
    }
}
