//! The cache: a cheap handle to routes, a clock, and the computations under way.

mod asides;
mod builder;
mod fills;
mod install;
mod lasts;
mod opened;
mod options;
pub(crate) mod resorts;
mod route;
mod routing;
mod switches;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use builder::CacheBuilder;
pub use install::{AsCache, CacheRef};
pub(crate) use install::{current, installed};
pub(crate) use lasts::Last;
pub use opened::IntoRoute;
pub use options::RouteTo;
pub(crate) use options::check_options;
pub(crate) use route::{FillGuard, Route};
pub use switches::Disabling;
use switches::Switches;

use crate::clock::{Clock, SystemClock, Time};
use crate::command::{Command, Commands, Removed};
use crate::entry::{Entry, Meta};
use crate::error::{Error, Result};
use crate::event::{Event, EventKind, Observer};
use crate::flight::Flights;
use crate::key::{IntoKey, Key, KeyRef, is_reserved};
use crate::lock;
use crate::middleware::Middleware;
use crate::pattern::Pattern;
use crate::registry::Function;
use crate::site::Site;
use crate::ttl::Ttl;

/// A cache: clones are handles to the same one; several can live side by side.
///
/// Computations under way are a cache's own: of two caches over one backend, a deletion through the first refuses
/// what the second was computing, but callers of the second still join it until it is done.
///
/// With no set-up at all, annotated functions and [`Cache::global`] use one bounded memory backend. A service
/// builds its own at startup:
///
/// ```
/// use cache_core::Cache;
/// # // The core names no database; a backend crate brings the schemes.
/// # struct Nothing;
/// # impl cache_core::Backend for Nothing {
/// #     fn name(&self) -> &'static str { "nothing" }
/// #     fn get<'a>(&'a self, _: &'a cache_core::Key) -> cache_core::BoxFuture<'a, cache_core::Result<Option<std::sync::Arc<cache_core::Entry>>>> { Box::pin(async { Ok(None) }) }
/// #     fn set<'a>(&'a self, _: &'a cache_core::Key, _: std::sync::Arc<cache_core::Entry>, _: cache_core::SetOptions) -> cache_core::BoxFuture<'a, cache_core::Result<bool>> { Box::pin(async { Ok(true) }) }
/// #     fn delete<'a>(&'a self, _: &'a cache_core::Key) -> cache_core::BoxFuture<'a, cache_core::Result<bool>> { Box::pin(async { Ok(false) }) }
/// #     fn clear(&self) -> cache_core::BoxFuture<'_, cache_core::Result<()>> { Box::pin(async { Ok(()) }) }
/// # }
/// # fn main() -> cache_core::Result<()> { futures(async {
/// # let backend = Nothing;
/// let cache = Cache::builder().route("", backend).build().await?;
/// cache.set("greeting", "hello").ttl("20h").await?;
/// # Ok(()) }) }
/// # fn futures<F: Future>(f: F) -> F::Output { tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f) }
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

pub(crate) struct Inner {
    id: u32,
    /// Longest prefix first, so that the first that fits is the most specific.
    routes: Box<[Route]>,
    clock: Arc<dyn Clock>,
    /// Then the hit path reads it directly instead of through the `dyn`.
    on_system_clock: bool,
    observer: Option<Arc<dyn Observer>>,
    flights: Arc<Flights>,
    wait: Duration,
    layers: Vec<Arc<dyn Middleware>>,
    switches: Switches,
}

/// What a cache is put together from.
struct Parts {
    routes: Vec<Route>,
    layers: Vec<Arc<dyn Middleware>>,
    clock: Arc<dyn Clock>,
    on_system_clock: bool,
    observer: Option<Arc<dyn Observer>>,
    wait: Duration,
}

/// Names a cache to call sites that remember a route.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl Cache {
    /// Begins a cache.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::new()
    }

    /// The cache of every annotated function: the installed one, or the embedded default. Asking is a use:
    /// [`install`](Cache::install) comes before.
    pub fn global() -> &'static Self {
        installed()
    }

    fn new(parts: Parts) -> Self {
        let mut routes = parts.routes;
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix().len()));
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            routes: routes.into(),
            clock: parts.clock,
            on_system_clock: parts.on_system_clock,
            observer: parts.observer,
            flights: Arc::new(Flights::new()),
            wait: parts.wait,
            layers: parts.layers,
            switches: Switches::new(Commands::none()),
        }))
    }

    /// The middleware of this type that the cache was built with, the outermost if there are several; those of single
    /// routes are not among them. To read the numbers of one that a configuration named.
    ///
    /// ```
    /// use cache_core::Cache;
    /// use cache_core::middleware::{Timing, Verb};
    ///
    /// fn reads(cache: &Cache) -> Option<u64> {
    ///     Some(cache.middleware::<Timing>()?.of(Verb::Get).count)
    /// }
    /// ```
    pub fn middleware<M: Middleware>(&self) -> Option<&M> {
        self.0.layers.iter().find_map(|layer| {
            let layer: &dyn Any = &**layer;
            layer.downcast_ref()
        })
    }

    /// Whether both are handles to the same cache.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The clock that judges this cache's expiries.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// How many keys are being computed right now.
    pub fn in_flight(&self) -> usize {
        self.0.flights.len()
    }

    /// Lets go of what the backends hold open. Commands after it open it again. Each backend has as long for it as for
    /// any command.
    pub async fn close(&self) -> Result<()> {
        let mut outcome = Ok(());
        for route in &self.0.routes {
            outcome = route.close().await.and(outcome);
        }
        outcome
    }

    /// Whether an entry may be used now.
    #[inline]
    pub(crate) fn is_alive(&self, entry: &Entry) -> bool {
        if self.0.on_system_clock { entry.is_alive(&SystemClock) } else { entry.is_alive(&*self.0.clock) }
    }

    /// Whether an entry need not be computed anew yet.
    #[inline]
    pub(crate) fn is_fresh(&self, entry: &Entry) -> bool {
        if self.0.on_system_clock { entry.is_fresh(&SystemClock) } else { entry.is_fresh(&*self.0.clock) }
    }

    pub(crate) fn now(&self) -> Time {
        self.0.clock.now()
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.0.flights
    }

    /// How long a caller waits for another's computation.
    pub(crate) fn wait(&self) -> Duration {
        self.0.wait
    }

    pub(crate) fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    /// Times for an entry stored now.
    pub(crate) fn meta(&self, ttl: Option<Ttl>) -> Meta {
        let now = self.now();
        Meta::new(now, ttl.unwrap_or(Ttl::FOREVER).expiry(now))
    }

    /// Removes every trace of a key: the entry, the right to fill it, the computation others could join.
    pub(crate) async fn remove(&self, key: &Key) -> Result<bool> {
        match self.route_for(Command::Delete, key)? {
            Some(route) => self.remove_from(route, key).await,
            None => Ok(false),
        }
    }

    async fn remove_from(&self, route: &Route, key: &Key) -> Result<bool> {
        let deleted = route.delete(key).await;
        // Last: whoever joins before this returns came before the removal was over.
        self.abandon(key);
        deleted
    }

    /// Lets nobody join a computation of this key, however it is spelled on its way to the backend.
    pub(crate) fn abandon(&self, key: &Key) {
        self.0.flights.abandon(key.as_key());
        let Some(route) = self.route_of(key.as_key()).filter(|route| route.is_layered()) else { return };
        if self.in_flight() == 0 {
            return;
        }
        let inner = route.inner(key.as_str());
        self.0
            .flights
            .abandon_where(|known, _| self.takes(route, known) && route.inner(known.as_str()) == inner);
    }

    /// The key as its backend spells it.
    pub(crate) fn spelled(&self, key: &Key) -> Key {
        self.route_of(key.as_key()).map_or_else(|| key.clone(), |route| route.spelled(key))
    }

    fn takes(&self, route: &Route, key: &Key) -> bool {
        self.route_of(key.as_key()).is_some_and(|owner| owner.id() == route.id())
    }

    /// Lets nobody join a computation that carries one of these tags, however they are spelled.
    pub(crate) fn abandon_tags(&self, tags: &[Key]) {
        self.0.flights.abandon_tags(tags);
        for route in self.0.routes.iter().filter(|route| route.is_layered()) {
            let inner: Vec<_> = tags.iter().map(|tag| route.inner(tag.as_str())).collect();
            self.0.flights.abandon_where(|key, carried| {
                self.takes(route, key) && carried.iter().any(|tag| inner.contains(&route.inner(tag.as_str())))
            });
        }
    }

    /// The same for every key that matches, on every route it can reach. All are tried; the first error is told.
    pub(crate) async fn remove_match(&self, pattern: &Pattern) -> Removed {
        let removed = self.remove_matching(pattern).await;
        if is_reserved(pattern.literal_head()) {
            // Locks may be among them, and somebody may wait for those.
            lock::tell_all_freed();
        }
        removed
    }

    async fn remove_matching(&self, pattern: &Pattern) -> Removed {
        let mut removed = Removed::nothing();
        if pattern.is_literal() {
            let key = pattern.as_str().into_key();
            match self.route_for(Command::DeleteMatch, &key) {
                Ok(Some(route)) => removed.add(self.remove_from(route, &key).await.map(u64::from)),
                Ok(None) => {}
                Err(error) => removed.add(Err(error)),
            }
            return removed;
        }
        for route in self.routes_of(pattern).filter(|route| !self.is_off(Command::DeleteMatch, route)) {
            removed.add(route.delete_match(pattern).await);
        }
        self.0.flights.abandon_match(pattern);
        for route in self.routes_of(pattern).filter(|route| route.is_layered()) {
            let inner = Pattern::new(route.inner(pattern.as_str()));
            self.0.flights.abandon_where(|known, _| {
                self.takes(route, known) && inner.matches(&route.inner(known.as_str()))
            });
        }
        removed
    }

    /// Tells the observer, if there is one. Not inlined: the hit path has better uses for its registers.
    #[inline(never)]
    pub(crate) fn tell(
        &self,
        kind: EventKind,
        key: &str,
        function: Option<&'static Function>,
        error: Option<&Error>,
    ) {
        let Some(observer) = &self.0.observer else { return };
        let backend = match kind {
            // Of these the key may be a pattern, or a tag.
            EventKind::Invalidated | EventKind::NotInvalidated => None,
            _ => self.0.routes.iter().find(|route| key.starts_with(route.prefix())).map(Route::backend_name),
        };
        let mut untold = 0;
        if kind == EventKind::BackendFailed
            && let Some(route) = self.route_of(KeyRef::new(key))
        {
            let Some(before) = route.tells_failure() else { return };
            untold = before;
        }
        observer.on_event(&Event { kind, key, function, backend, error, untold });
    }

    /// What was found; an entry that cannot be read is a miss, and told.
    pub(crate) fn readable<T>(&self, key: &Key, found: Result<Option<T>>) -> Result<Option<T>> {
        match found {
            Err(error) if error.is_unreadable() => {
                self.tell(EventKind::Unreadable, key.as_str(), None, Some(&error));
                Ok(None)
            }
            found => found,
        }
    }

    #[inline]
    pub(crate) fn tell_hit(&self, key: KeyRef<'_>, site: &Site) {
        site.counters().hit();
        if self.0.observer.is_some() {
            self.tell(EventKind::Hit, key.as_str(), Some(site.function()), None);
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("routes", &self.0.routes).field("in_flight", &self.in_flight()).finish()
    }
}
