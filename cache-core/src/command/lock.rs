//! Locks: one holder at a time, in this process and, where the backend is shared, in all of them.

mod guard;
mod lease;
mod take;

pub use guard::LockGuard;
pub use lease::{IsLocked, SetLock, Unlock};
pub use take::Lock;

use crate::backend::Transition;
use crate::cache::{Cache, Route};
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::{Key, KeyBuf};
use crate::lock::{Change, PREFIX, Told};

/// Where a lock is kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    cache: Cache,
    route: usize,
    /// With its prefix.
    key: Key,
}

impl Place {
    /// A route that names the prefix takes it, else that of the key itself.
    fn of(cache: &Cache, key: &Key) -> Result<Self> {
        let mut state = KeyBuf::new();
        state.literal(PREFIX);
        state.literal(key.as_str());
        let state = state.as_key().to_key();
        Ok(Self::new(cache, cache.route_or_error(&state)?, state))
    }

    /// A state of this key in this route.
    pub(crate) fn new(cache: &Cache, route: &Route, key: Key) -> Self {
        let id = route.id();
        let route = cache.routes().iter().position(|route| route.id() == id).unwrap_or_default();
        Self { cache: cache.clone(), route, key }
    }

    fn route(&self) -> Result<&Route> {
        self.cache.routes().get(self.route).ok_or_else(|| Error::config("the cache has no routes"))
    }

    /// Whether the running code's command does nothing here.
    fn is_off(&self, command: Command) -> Result<bool> {
        Ok(self.cache.is_off(command, self.route()?))
    }

    /// One step of the state.
    pub(crate) async fn update(&self, change: &mut dyn Transition) -> Result<()> {
        self.route()?.update(&self.key, change).await
    }

    /// One step of the lock.
    async fn change(&self, mut change: Change<'_>) -> Result<Told> {
        self.update(&mut change).await?;
        Ok(change.told())
    }
}
