//! How a cache is put together.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::opened::{IntoRoute, Opened};
use super::options::{self, Options};
use super::{Cache, Parts, Route};
use crate::clock::{Clock, SystemClock};
use crate::codec::IntoCodec;
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::middleware::Middleware;
use crate::ttl::{IntoTtl, Ttl};

/// How long a caller waits for another's computation before it computes itself.
const WAIT: Duration = Duration::from_secs(30);

/// Routes, a clock and an observer, on their way to a [`Cache`].
///
/// | setting | default |
/// |---|---|
/// | [`route`](Self::route) | none: at least one is needed |
/// | [`ttl`](Self::ttl), [`key_prefix`](Self::key_prefix), [`version`](Self::version), [`timeout`](Self::timeout) | as [`Route`](crate::Route) says |
/// | [`codec`](Self::codec), [`compress`](Self::compress), [`secret`](Self::secret), [`digestmod`](Self::digestmod), [`require`](Self::require), [`suppress`](Self::suppress) | as [`Route`](crate::Route) says |
/// | [`enable`](Self::enable) | on |
/// | [`middleware`](Self::middleware) | none |
/// | [`clock`](Self::clock) | [`SystemClock`] |
/// | [`observer`](Self::observer) | none |
/// | [`wait`](Self::wait) | 30 s |
///
/// An option of the cache holds for every route that does not say otherwise, in its URL or by a setter.
#[must_use = "nothing is built before `.build().await`"]
pub struct CacheBuilder {
    routes: Vec<(String, Result<Opened>)>,
    defaults: Result<Options>,
    layers: Vec<Arc<dyn Middleware>>,
    clock: Arc<dyn Clock>,
    on_system_clock: bool,
    observer: Option<Arc<dyn Observer>>,
    wait: Duration,
}

impl CacheBuilder {
    pub(super) fn new() -> Self {
        Self {
            routes: Vec::new(),
            defaults: Ok(Options::default()),
            layers: Vec::new(),
            clock: Arc::new(SystemClock),
            on_system_clock: true,
            observer: None,
            wait: WAIT,
        }
    }

    /// Sends keys that begin with `prefix` to this backend; of several prefixes that fit, the longest wins.
    /// `""` is the default route.
    ///
    /// Prefixes are literal: `"user:"` does not take `users`. A mistake in a URL or builder is reported by
    /// [`build`](Self::build).
    pub fn route(mut self, prefix: impl Into<String>, backend: impl IntoRoute) -> Self {
        self.routes.push((prefix.into(), backend.open()));
        self
    }

    /// What is set without a ttl lives this long, on routes that say nothing; see
    /// [`Route::ttl`](crate::Route::ttl).
    pub fn ttl(self, ttl: impl IntoTtl) -> Self {
        self.set(|options| ttl.into_ttl().map(|ttl: Ttl| options.ttl = Some(ttl)))
    }

    /// In front of every key, on routes that say nothing; see [`Route::key_prefix`](crate::Route::key_prefix).
    pub fn key_prefix(self, prefix: impl Into<String>) -> Self {
        self.set(|options| {
            options.key_prefix = Some(prefix.into());
            Ok(())
        })
    }

    /// Entries of another version are not seen, on routes that say nothing; see
    /// [`Route::version`](crate::Route::version).
    #[expect(clippy::needless_pass_by_value, reason = "`.version(2)` and `.version(\"blue\")` alike")]
    pub fn version(self, version: impl ToString) -> Self {
        self.set(|options| {
            options.version = Some(version.to_string());
            Ok(())
        })
    }

    /// How long a command may take, on routes that say nothing; see [`Route::timeout`](crate::Route::timeout).
    pub fn timeout(self, limit: Duration) -> Self {
        self.set(|options| {
            options.timeout = Some(limit);
            Ok(())
        })
    }

    /// `false` begins with every command switched off, on routes that say nothing; see
    /// [`Cache::disable`](crate::Cache::disable).
    pub fn enable(self, enable: bool) -> Self {
        self.set(|options| {
            options.enable = Some(enable);
            Ok(())
        })
    }

    /// How values become bytes, on routes of bytes that say nothing; see [`Route::codec`](crate::Route::codec).
    pub fn codec(self, codec: impl IntoCodec) -> Self {
        self.set(|options| codec.into_codec().map(|codec| options.codec = Some(codec)))
    }

    /// What makes them fewer, on routes that say nothing; see [`Route::compress`](crate::Route::compress).
    pub fn compress(self, how: &str) -> Self {
        self.set(|options| options::compression(how).map(|how| options.compress = Some(how)))
    }

    /// What entries are signed with, on routes that name no secret; called several times, the first signs. See
    /// [`Route::secret`](crate::Route::secret).
    pub fn secret(self, secret: impl AsRef<[u8]>) -> Self {
        self.set(|options| {
            options.secrets.get_or_insert_default().push(secret.as_ref());
            Ok(())
        })
    }

    /// The algorithm of signatures, on routes that say nothing; see [`Route::digestmod`](crate::Route::digestmod).
    pub fn digestmod(self, digest: &str) -> Self {
        self.set(|options| options::digest(digest).map(|digest| options.digest = Some(digest)))
    }

    /// `true`: [`build`](Self::build) fails where a backend does not answer, on routes that say nothing; see
    /// [`Route::require`](crate::Route::require).
    pub fn require(self, require: bool) -> Self {
        self.set(|options| {
            options.require = Some(require);
            Ok(())
        })
    }

    /// `false`: commands return the error of a backend that is down, on routes that say nothing; see
    /// [`Route::suppress`](crate::Route::suppress).
    pub fn suppress(self, suppress: bool) -> Self {
        self.set(|options| {
            options.suppress = Some(suppress);
            Ok(())
        })
    }

    /// Puts this around every command of every route. The first added is the outermost; those of a route
    /// ([`Route::middleware`](crate::Route::middleware)) are inside.
    ///
    /// ```
    /// use cache_core::Cache;
    /// use cache_core::middleware::{HitRatio, Timing};
    ///
    /// let (timing, ratio) = (Timing::new(), HitRatio::new());
    /// let builder = Cache::builder().middleware(timing.clone()).middleware(ratio.clone());
    /// # drop(builder);
    /// ```
    pub fn middleware(self, middleware: impl Middleware) -> Self {
        self.layer(Arc::new(middleware))
    }

    pub(crate) fn layer(mut self, layer: Arc<dyn Middleware>) -> Self {
        self.layers.push(layer);
        self
    }

    /// Judges time by this clock; see [`testing::ManualClock`](crate::testing::ManualClock).
    pub fn clock<C: Clock>(mut self, clock: C) -> Self {
        self.on_system_clock = TypeId::of::<C>() == TypeId::of::<SystemClock>();
        self.clock = Arc::new(clock);
        self
    }

    /// Tells this observer what happens.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// How long a caller waits for another's computation before it runs the function itself.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Builds the cache.
    ///
    /// # Errors
    /// [`Error::Config`] for the first option or route that is wrong, and for a cache without routes or with two for
    /// one prefix. What the backend of a route with [`require`](crate::Route::require) fails with.
    pub async fn build(self) -> Result<Cache> {
        let cache = self.build_now()?;
        for route in cache.routes().iter().filter(|route| route.is_required()) {
            route.ping("macadamia").await.map_err(|error| in_route(route.prefix(), error))?;
        }
        Ok(cache)
    }

    pub(crate) fn build_now(self) -> Result<Cache> {
        if self.routes.is_empty() {
            return Err(Error::config("a cache needs a route: .route(\"\", \"mem://\") is the simplest"));
        }
        let defaults = self.defaults?;
        self.layers.iter().try_for_each(|layer| layer.check())?;
        let mut routes: Vec<Route> = Vec::with_capacity(self.routes.len());
        for (prefix, opened) in self.routes {
            if routes.iter().any(|route| route.prefix() == prefix) {
                return Err(Error::config(format!("the prefix \"{prefix}\" is routed twice")));
            }
            let route = opened.and_then(|opened| {
                opened.route(&prefix, &defaults, &self.layers, &self.clock, self.observer.as_ref())
            });
            routes.push(route.map_err(|error| in_route(&prefix, error))?);
        }
        Ok(Cache::new(Parts {
            routes,
            layers: self.layers,
            clock: self.clock,
            on_system_clock: self.on_system_clock,
            observer: self.observer,
            wait: self.wait,
        }))
    }

    /// Changes an option; the first mistake is what is told.
    fn set(self, change: impl FnOnce(&mut Options) -> Result<()>) -> Self {
        let defaults = self.defaults.and_then(|mut options| change(&mut options).map(|()| options));
        Self { defaults, ..self }
    }
}

fn in_route(prefix: &str, error: Error) -> Error {
    match error {
        Error::Config(message) => Error::config(format!("route \"{prefix}\": {message}")),
        Error::Backend(message) => Error::backend(format_args!("route \"{prefix}\": {message}")),
        other => other,
    }
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder").field("routes", &self.routes).finish_non_exhaustive()
    }
}
