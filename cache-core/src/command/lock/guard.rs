//! The guard of a lock: held while it lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Place;
use crate::background;
use crate::cache::Route;
use crate::clock::Time;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::lock::{Change, Fence, Leaving, Told, tell_freed, token};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::ttl::{IntoTtl, Ttl};

/// A lock that is held: [`Cache::lock`](crate::Cache::lock) gives it, dropping it releases the lock.
///
/// A drop does not wait: in memory the lock is free at once, elsewhere it is released in the background. To know that
/// it was, call [`release`](LockGuard::release).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// let first = cache.lock("invoices", "30s").await?;
/// assert!(first.is_held() && first.renew("1m").await?);
/// let fence = first.fence();
/// assert!(first.release().await?);
/// assert!(cache.lock("invoices", "30s").await?.fence() > fence);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct LockGuard {
    lease: Arc<Lease>,
    fence: Fence,
    /// Whether there is something to release.
    armed: bool,
    /// Dropped with the guard, which ends the renewal.
    renewal: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
pub(crate) struct Lease {
    place: Place,
    token: Box<str>,
    /// The end of the lease as it is known here; never later than the backend's.
    until: AtomicU64,
    /// Released while it stood.
    given_back: AtomicBool,
    renewing: tokio::sync::Mutex<()>,
}

impl LockGuard {
    /// Asks for the lock once. If somebody holds it, tells how long the lease has left.
    pub(crate) async fn try_take(
        place: &Place,
        lease: Ttl,
    ) -> Result<std::result::Result<Self, Option<Duration>>> {
        let asked = place.cache.now();
        // From here on: whoever gives up before the answer may hold the lock without knowing.
        let mut guard = Self {
            lease: Arc::new(Lease {
                place: place.clone(),
                token: token().into(),
                until: AtomicU64::new(lease.expiry(asked).as_nanos()),
                given_back: AtomicBool::new(false),
                renewing: tokio::sync::Mutex::default(),
            }),
            fence: Fence::NONE,
            armed: true,
            renewal: None,
        };
        if place.is_off(Command::Lock)? {
            // Granted to everybody; there is nothing to release.
            guard.armed = false;
            return Ok(Ok(guard));
        }
        match place.change(Change::take(&guard.lease.token, lease)).await {
            Ok(Told::Mine(fence)) => {
                guard.fence = fence;
                Ok(Ok(guard))
            }
            Ok(told) => {
                guard.armed = false;
                Ok(Err(if let Told::Held(left) = told { left } else { None }))
            }
            Err(error) => {
                guard.armed = !(error.is_unsupported() || error.is_config());
                Err(error)
            }
        }
    }

    /// The lease, for those who want to know whether it stands.
    pub(crate) fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// The text that proves who holds the lock: 128 random bits. Whoever has it can [`unlock`](crate::Cache::unlock).
    pub fn token(&self) -> &str {
        &self.lease.token
    }

    /// The number of this acquisition: greater than that of every holder before.
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Whether the lease is not over, as far as is known here: no question to the backend.
    pub fn is_held(&self) -> bool {
        self.lease.is_held()
    }

    /// Begins a new lease of this length now; `false` if the lock is not this guard's any more.
    ///
    /// # Errors
    /// [`Error::Config`] for a ttl of zero; what the backend fails with, and then the old lease goes on.
    pub async fn renew(&self, ttl: impl IntoTtl) -> Result<bool> {
        self.lease.renew(ttl.into_ttl()?).await
    }

    /// Releases the lock and waits until that is done; `false` if it was not this guard's any more.
    ///
    /// # Errors
    /// What the backend fails with; it is then told once more in the background, else the lease ends by its time.
    pub async fn release(mut self) -> Result<bool> {
        self.renewal = None;
        // Given up midway, the drop releases.
        let released = self.lease.release().await?;
        self.armed = false;
        Ok(released)
    }

    /// Renews the lease at every third of it, until the guard is dropped or the lock lost.
    pub(crate) fn keep_renewed(&mut self, lease: Ttl) -> Result<()> {
        let Some(length) = lease.duration().filter(|_| self.armed) else { return Ok(()) };
        let (renewal, mut ended) = oneshot::channel();
        let held = Arc::clone(&self.lease);
        let task = async move {
            let clock = Arc::clone(held.place.cache.clock());
            while held.is_held() {
                let third = clock.now().after(length / 3);
                tokio::select! {
                    biased;
                    _ = &mut ended => return,
                    () = clock.sleep_until(third) => {}
                }
                // A failure may pass before the lease does.
                if matches!(held.renew(lease).await, Ok(false)) {
                    return;
                }
            }
        };
        if !background::spawn(task) {
            return Err(Error::backend("no thread can be started, so the lease of a lock cannot be renewed"));
        }
        self.renewal = Some(renewal);
        Ok(())
    }
}

impl Lease {
    /// Whether it is the lease of this lock, and still stands.
    pub(super) fn is_of(&self, place: &Place) -> bool {
        let route = |place: &Place| place.route().ok().map(Route::id);
        self.place.spelled == place.spelled && route(&self.place) == route(place) && self.is_held()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.place.cache.now() < Time::from_nanos(self.until.load(Ordering::Acquire))
    }

    async fn renew(&self, lease: Ttl) -> Result<bool> {
        // One at a time, so that the last answer is the last word.
        let _turn = self.renewing.lock().await;
        let until = lease.expiry(self.place.cache.now());
        // Before it is asked for: a renewal that is cut off may have shortened the lease.
        let before = self.until.fetch_min(until.as_nanos(), Ordering::AcqRel);
        let renewed = matches!(self.place.change(Change::renew(&self.token, lease)).await?, Told::Mine(_));
        let until = if renewed { until } else { Time::ORIGIN };
        self.until.store(until.as_nanos(), Ordering::Release);
        if until.as_nanos() < before {
            // Who waits for the end that was told them waits too long.
            tell_freed(&self.place.spelled);
        }
        Ok(renewed)
    }

    /// Whether it ended before its holder did.
    pub(crate) fn is_lost(&self) -> bool {
        !self.is_held() && !self.given_back.load(Ordering::Acquire)
    }

    async fn release(&self) -> Result<bool> {
        if self.is_held() {
            self.given_back.store(true, Ordering::Release);
        }
        let released = self.place.change(Change::release(&self.token)).await;
        self.until.store(Time::ORIGIN.as_nanos(), Ordering::Release);
        tell_freed(&self.place.spelled);
        Ok(matches!(released?, Told::Mine(_)))
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let lease = Arc::clone(&self.lease);
        let leaving = Leaving::begin(&self.lease.place.spelled);
        background::finish(Box::pin(async move {
            drop(lease.release().await);
            drop(leaving);
        }));
    }
}
