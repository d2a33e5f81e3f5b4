//! Caches by name, set up from data.
//!
//! ```text
//! TOML text or map ── source ──► tables ── alias ──► checked aliases ── named, create ──► caches
//! ```

mod alias;
mod fields;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alias::Alias;
use serde::Serialize;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::near::unknown;

/// The alias that is there without a configuration.
const DEFAULT: &str = "default";

static REGISTRY: RwLock<Registry> = RwLock::new(Registry { aliases: BTreeMap::new(), open: None });

struct Registry {
    aliases: BTreeMap<String, Alias>,
    /// The instances that `named` has given out.
    open: Option<HashMap<String, Cache>>,
}

impl Registry {
    fn find(&self, name: &str) -> Result<Alias> {
        match self.aliases.get(name) {
            Some(alias) => Ok(alias.clone()),
            None if name == DEFAULT => Alias::memory(),
            None => {
                let known = self.aliases.keys().map(String::as_str).chain([DEFAULT]).collect();
                Err(unknown("cache", name, known))
            }
        }
    }

    fn opened(&self, name: &str) -> Option<&Cache> {
        self.open.as_ref()?.get(name)
    }
}

impl Cache {
    /// Makes caches known by name, from TOML text or from anything that serializes to a map: a `BTreeMap`, a struct, a
    /// `serde_json::Value`. Nothing is opened before [`named`](Self::named) or [`create`](Self::create).
    ///
    /// A table for each alias:
    ///
    /// | field | |
    /// |---|---|
    /// | `url` | as in [`CacheBuilder::route`](crate::CacheBuilder::route) |
    /// | `backend` | instead of a URL: `memory`, `redis`, … or any scheme; with `endpoint`, `port`, `db`, `user`, `password` |
    /// | `ttl`, `key_prefix` (`namespace`), `version`, `timeout`, `enable`, `require` | as [`Route`](crate::Route) has them; numbers are seconds |
    /// | `codec`, `compress`, `digestmod` | the same, by their names |
    /// | `secret` (`hash_key`) | text, or a list of which the first signs and each verifies |
    /// | `size`, … | any other option of the backend |
    /// | `plugins` | middleware, outermost first: `"timing"`, or `{ class = "size_limit", max = 65536 }`; see [`Plugin`](crate::middleware::Plugin) |
    /// | `routes` | further routes: a prefix, and a URL or a table as this one, without `routes` |
    ///
    /// A field beats the same option in the URL. `url` or `backend` may be left out if there are `routes`. TOML text
    /// needs the feature `config`, which is on by default.
    ///
    /// Called again it adds aliases and replaces those nobody has opened; repeating one as it is, is no change.
    /// Either all of it is taken over or, on an error, nothing.
    ///
    /// For one cache that the program knows by itself, [`Cache::builder`] is simpler and is checked by the compiler.
    ///
    /// # Errors
    /// [`Error::Config`], naming the alias: text that is no TOML, a field, option, plugin or scheme that does not
    /// exist (with the nearest and all there are), a value of the wrong kind, and another meaning for an alias that
    /// [`named`](Self::named) has opened.
    ///
    /// ```
    /// # // The core names no database; a backend crate brings the schemes.
    /// # cache_core::submit_scheme!(cache_core::Scheme::new(&["mem"], &["size"], |_| Err(cache_core::Error::config(""))));
    /// use cache_core::Cache;
    ///
    /// Cache::configure(
    ///     r#"
    ///     [sessions]
    ///     backend = "memory"
    ///     size = 500
    ///     ttl = "20m"
    ///     plugins = ["timing", { class = "hit_miss_ratio" }]
    ///
    ///     [pages]
    ///     url = "mem://pages?ttl=1h"
    ///     routes = { "page:home:" = "mem://" }
    ///     "#,
    /// )?;
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn configure(aliases: impl Serialize) -> Result<()> {
        let mut read = Vec::new();
        for (name, table) in source::tables(aliases)? {
            let alias = Alias::read(table).map_err(|error| in_alias(&name, error))?;
            read.push((name, alias));
        }
        let mut registry = write();
        for (name, alias) in &read {
            if registry.opened(name).is_some() && registry.find(name)? != *alias {
                return Err(in_alias(
                    name,
                    Error::config("it is in use and cannot be changed: configure it before its first use"),
                ));
            }
        }
        registry.aliases.extend(read);
        Ok(())
    }

    /// The cache that an alias names: opened at its first use, and the same one ever after. Cheap: a look into a map.
    ///
    /// `default` is there without being configured, as a bounded memory. It is **not** the cache of annotated
    /// functions unless you say so: `Cache::named("default")?.install()?`.
    ///
    /// # Errors
    /// [`Error::Config`] for an alias that is not configured, with the nearest and all there are, and for what its
    /// backend refuses.
    ///
    /// ```no_run
    /// use cache_core::Cache;
    ///
    /// Cache::configure("sessions = { url = 'mem://' }")?;
    /// let one = Cache::named("sessions")?;
    /// assert!(one.is_same(&Cache::named("sessions")?));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn named(alias: &str) -> Result<Self> {
        loop {
            let registry = read();
            if let Some(cache) = registry.opened(alias) {
                return Ok(cache.clone());
            }
            let found = registry.find(alias)?;
            drop(registry);
            // Opened without holding anything: a plugin may use caches itself.
            let cache = found.build().map_err(|error| in_alias(alias, error))?;
            let mut registry = write();
            if registry.find(alias)? == found {
                let open = registry.open.get_or_insert_default();
                let first = open.entry(alias.to_owned()).or_insert_with(|| cache.clone()).clone();
                // Before this one goes, if another was first: its plugins may use caches themselves.
                drop(registry);
                return Ok(first);
            }
        }
    }

    /// A cache as an alias describes it, another one at each call, with its own middleware and computations.
    ///
    /// What it stores is where the backend says: two of one server, or of one `mem://name`, see the same entries; two
    /// of `mem://` do not.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    ///
    /// ```no_run
    /// use cache_core::Cache;
    ///
    /// Cache::configure("sessions = { url = 'mem://sessions' }")?;
    /// let own = Cache::create("sessions")?;
    /// assert!(!own.is_same(&Cache::named("sessions")?));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn create(alias: &str) -> Result<Self> {
        let found = read().find(alias)?;
        found.build().map_err(|error| in_alias(alias, error))
    }
}

fn in_alias(name: &str, error: Error) -> Error {
    match error {
        Error::Config(message) => Error::config(format!("cache \"{name}\": {message}")),
        other => other,
    }
}

fn read() -> RwLockReadGuard<'static, Registry> {
    REGISTRY.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Registry> {
    REGISTRY.write().unwrap_or_else(PoisonError::into_inner)
}
