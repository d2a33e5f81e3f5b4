//! How a cache is put together.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Cache, Route};
use crate::backend::{Backend, IntoBackend};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Result};
use crate::event::Observer;
use crate::scheme;
use crate::ttl::Ttl;
use crate::url::BackendUrl;

/// How long a caller waits for another's computation before it computes itself.
const WAIT: Duration = Duration::from_secs(30);

/// Routes, a clock and an observer, on their way to a [`Cache`].
///
/// | setting | default |
/// |---|---|
/// | [`route`](Self::route) | none: at least one is needed |
/// | [`clock`](Self::clock) | [`SystemClock`] |
/// | [`observer`](Self::observer) | none |
/// | [`wait`](Self::wait) | 30 s |
#[must_use = "nothing is built before `.build().await`"]
pub struct CacheBuilder {
    routes: Vec<(String, Result<Opened>)>,
    clock: Arc<dyn Clock>,
    on_system_clock: bool,
    observer: Option<Arc<dyn Observer>>,
    wait: Duration,
}

/// A backend and what its route adds.
#[derive(Debug)]
pub struct Opened {
    backend: Arc<dyn Backend>,
    ttl: Option<Ttl>,
    timeout: Option<Duration>,
}

/// What `.route(prefix, …)` takes: a URL, or a backend built in code.
pub trait IntoRoute {
    /// Opens it.
    fn open(self) -> Result<Opened>;
}

impl IntoRoute for &str {
    fn open(self) -> Result<Opened> {
        let url = BackendUrl::parse(self)?;
        let ttl = url.option("ttl").map(Ttl::parse).transpose()?;
        Ok(Opened { ttl, timeout: url.duration("timeout")?, backend: scheme::open(&url)? })
    }
}

impl IntoRoute for String {
    fn open(self) -> Result<Opened> {
        self.as_str().open()
    }
}

impl IntoRoute for &String {
    fn open(self) -> Result<Opened> {
        self.as_str().open()
    }
}

impl<B: IntoBackend> IntoRoute for B {
    fn open(self) -> Result<Opened> {
        Ok(Opened { backend: self.into_backend()?, ttl: None, timeout: None })
    }
}

impl CacheBuilder {
    pub(super) fn new() -> Self {
        Self {
            routes: Vec::new(),
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
    /// [`Error::Config`] for the first route that is wrong, and for a cache without routes or with two for
    /// one prefix.
    #[expect(clippy::unused_async, reason = "backends that must be reachable are connected here")]
    pub async fn build(self) -> Result<Cache> {
        self.build_now()
    }

    pub(super) fn build_now(self) -> Result<Cache> {
        if self.routes.is_empty() {
            return Err(Error::config("a cache needs a route: .route(\"\", \"mem://\") is the simplest"));
        }
        let mut routes: Vec<Route> = Vec::with_capacity(self.routes.len());
        for (prefix, opened) in self.routes {
            if routes.iter().any(|route| route.prefix() == prefix) {
                return Err(Error::config(format!("the prefix \"{prefix}\" is routed twice")));
            }
            let opened = opened.map_err(|error| in_route(&prefix, error))?;
            routes.push(Route::new(&prefix, opened.backend, &self.clock, opened.ttl, opened.timeout));
        }
        Ok(Cache::new(routes, self.clock, self.on_system_clock, self.observer, self.wait))
    }
}

fn in_route(prefix: &str, error: Error) -> Error {
    match error {
        Error::Config(message) => Error::config(format!("route \"{prefix}\": {message}")),
        other => other,
    }
}

impl fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder").field("routes", &self.routes).finish_non_exhaustive()
    }
}
