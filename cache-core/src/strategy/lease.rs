//! `lock = …`: of the processes that share a backend one computes a value that is missing, and the others wait for it.
//!
//! ```text
//! miss ── lease ──► free ──► look again ──► there now ──► answer, released
//!           ▲                        └────► compute, store, release
//!           └─ look ◄─ held: a release, the end of the lease, a pause
//! ```
//!
//! A value strategy never refuses: who waited as long as it may, or whose backend fails, computes without a lease.

use std::sync::Arc;

use super::{Call, Mode, Reader};
use crate::cache::Route;
use crate::command::{Command, Lease, LockGuard, Pauses, Place};
use crate::entry::Entry;
use crate::error::Result;
use crate::event::EventKind;
use crate::flight;
use crate::ttl::Ttl;

/// What came of asking for the lease.
pub(super) enum Leased {
    /// Somebody stored the value meanwhile.
    Found(Arc<Entry>),
    Held(LockGuard),
    /// There is none to take, or it cannot be had.
    None,
}

impl Call {
    /// The lease of the value, or the value. Whoever computes beside a leader does so because waiting would not end,
    /// and does not wait for a lease either.
    pub(super) async fn lease(&self, route: &Route, reader: Reader, leads: bool) -> Leased {
        let Some(length) = self.lock else { return Leased::None };
        let is_beside_a_leader = self.single_flight && !leads;
        if self.mode != Mode::Cached || is_beside_a_leader || self.cache.is_off(Command::Lock, route) {
            return Leased::None;
        }
        match self.wait_for_lease(route, reader, length).await {
            Ok(leased) => leased,
            Err(error) => {
                self.tell(EventKind::BackendFailed, Some(&error));
                Leased::None
            }
        }
    }

    async fn wait_for_lease(&self, route: &Route, reader: Reader, length: Ttl) -> Result<Leased> {
        let place = Place::of_value(&self.cache, self.route.unwrap_or_default(), &self.key);
        if place.is_held_here() {
            return Ok(Leased::None);
        }
        let (clock, mut pauses) = (self.cache.clock(), Pauses::of(route.form()));
        let deadline = clock.now().after(self.cache.wait());
        loop {
            // Heard from before the question on: no release is missed.
            let freed = place.freed();
            let left = match LockGuard::try_take(&place, length).await? {
                Ok(mut guard) => {
                    if let Some(entry) = self.look_again(route, reader).await {
                        return Ok(Leased::Found(entry));
                    }
                    guard.keep_renewed(length)?;
                    return Ok(Leased::Held(guard));
                }
                Err(left) => left,
            };
            let now = clock.now();
            if now >= deadline {
                self.tell(EventKind::WaitExpired, None);
                return Ok(Leased::None);
            }
            tokio::select! {
                biased;
                () = freed => {}
                () = clock.sleep_until(pauses.next(now, left).min(deadline)) => {}
            }
            // Before the lease: of many who wait all have the value at once, and not one after the other.
            if let Some(entry) = self.look_again(route, reader).await {
                return Ok(Leased::Found(entry));
            }
        }
    }

    /// The usable entry. What is wrong with another, or with the backend, was told by the first look or will be by
    /// the next step.
    async fn look_again(&self, route: &Route, reader: Reader) -> Option<Arc<Entry>> {
        let found = route.get(&self.key, reader.coding).await.ok().flatten();
        found.filter(|entry| entry.version() == self.version && reader.fits(entry))
    }
}

/// The leases that a computation holds or runs under.
pub(super) struct Leases {
    /// Of its own value.
    own: Option<LockGuard>,
    /// Of the locks around it.
    around: Vec<Arc<Lease>>,
}

impl Leases {
    /// Those around the running code.
    pub(super) fn around() -> Self {
        Self { own: None, around: flight::locks() }
    }

    pub(super) fn take(&mut self, guard: LockGuard) {
        self.own = Some(guard);
    }

    pub(super) fn mark(&self) -> Option<flight::Mark> {
        self.own.as_ref().map(|guard| flight::Mark::Lease(guard.lease()))
    }

    /// What becomes of the answer if one of them is lost: others may be at work on it, or on what it was made from.
    pub(super) fn lost(&self) -> Option<EventKind> {
        if self.own.as_ref().is_some_and(|guard| !guard.is_held()) {
            return Some(EventKind::LeaseLost);
        }
        // Whoever holds the lock tells of its loss.
        self.around.iter().any(|lease| lease.is_lost()).then_some(EventKind::Overtaken)
    }
}
