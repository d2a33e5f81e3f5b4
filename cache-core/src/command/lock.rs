//! Locks: one holder at a time, in this process and, where the backend is shared, in all of them.

mod guard;
mod lease;
mod take;

pub(crate) use guard::Lease;
pub use guard::LockGuard;
pub use lease::{IsLocked, SetLock, Unlock};
pub use take::Lock;
pub(crate) use take::{Pauses, take};

use tokio::sync::futures::Notified;

use crate::backend::Transition;
use crate::cache::{Cache, Route};
use crate::command::Command;
use crate::error::{Error, Result};
use crate::flight;
use crate::key::{Key, KeyBuf};
use crate::lock::{Change, PREFIX, Told, freed};

/// Where a lock is kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    cache: Cache,
    route: usize,
    /// With its prefix.
    key: Key,
    /// As the backend spells it: by this those who wait here know each other.
    spelled: Key,
}

impl Place {
    /// A route that names the prefix takes it, else that of the key itself.
    fn of(cache: &Cache, key: &Key) -> Result<Self> {
        Self::of_state(cache, joined(&[PREFIX, key.as_str()]))
    }

    /// The same, for a key that has its prefix already.
    pub(crate) fn of_state(cache: &Cache, key: Key) -> Result<Self> {
        let taken = cache.route_or_error(&key)?;
        Ok(Self::new(cache, taken, key))
    }

    /// A state of this key in this route.
    pub(crate) fn new(cache: &Cache, route: &Route, key: Key) -> Self {
        let (id, spelled) = (route.id(), route.spelled(&key));
        let route = cache.routes().iter().position(|route| route.id() == id).unwrap_or_default();
        Self { cache: cache.clone(), route, key, spelled }
    }

    /// Of the lease of a value, beside it. No lock of users has this key, whatever it is called.
    pub(crate) fn of_value(cache: &Cache, route: u32, key: &Key) -> Self {
        let (key, route) = (joined(&["gen:", key.as_str(), "%lock"]), route as usize);
        let spelled = cache.routes().get(route).map_or_else(|| key.clone(), |route| route.spelled(&key));
        Self { cache: cache.clone(), route, key, spelled }
    }

    /// Whether the running code holds this very lock: who waited for it would wait for itself.
    pub(crate) fn is_held_here(&self) -> bool {
        flight::holds(|lease| lease.is_of(self))
    }

    /// Told of releases in this process, from now on.
    pub(crate) fn freed(&self) -> Notified<'static> {
        freed(&self.spelled).notified()
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

fn joined(parts: &[&str]) -> Key {
    let mut key = KeyBuf::new();
    parts.iter().for_each(|part| key.literal(part));
    key.as_key().to_key()
}
