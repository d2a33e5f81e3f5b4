//! Locks: one holder at a time, in this process and, where the backend is shared, in all of them.

mod guard;
mod lease;
mod take;

pub use guard::LockGuard;
pub use lease::{IsLocked, SetLock, Unlock};
pub use take::Lock;

use crate::cache::{Cache, Route};
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::{Key, KeyBuf};
use crate::lock::{Change, PREFIX, Told};

/// Where a lock is kept.
#[derive(Debug, Clone)]
struct Place {
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
        let taken = cache.route_or_error(&state)?;
        let route = cache.routes().iter().position(|route| route.id() == taken.id()).unwrap_or_default();
        Ok(Self { cache: cache.clone(), route, key: state })
    }

    fn route(&self) -> Result<&Route> {
        self.cache.routes().get(self.route).ok_or_else(|| Error::config("the cache has no routes"))
    }

    /// One step of the lock.
    /// Whether the running code's command does nothing here.
    fn is_off(&self, command: Command) -> Result<bool> {
        Ok(self.cache.is_off(command, self.route()?))
    }

    async fn change(&self, mut change: Change<'_>) -> Result<Told> {
        self.route()?.update(&self.key, &mut change).await?;
        Ok(change.told())
    }
}
