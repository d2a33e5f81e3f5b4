//! Taking a lock.

use std::future::IntoFuture;
use std::time::Duration;

use super::super::limit::{IntoWait, WAIT};
use super::super::options::{Options, key_options};
use super::Place;
use super::guard::LockGuard;
use crate::backend::Form;
use crate::cache::Cache;
use crate::clock::{BoxFuture, Time};
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key};
use crate::lock::{InLine, freed};
use crate::ttl::{IntoTtl, Ttl};

/// How often a lock is asked for that another process may hold: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

impl Cache {
    /// Takes the lock of this name, waiting up to 60 seconds for it, or as `.wait(…)` says. Dropping the guard
    /// releases it.
    ///
    /// `ttl` is the lease: when it is over, the lock is free, so that the crash of a holder is no disaster. A holder
    /// that may take longer asks for `.renew()`, or renews by itself. A lease of `"forever"` is ended by release
    /// alone: whoever is killed holding it leaves it locked until somebody deletes `lock:` and its name.
    ///
    /// Whoever waits in this process is served in order of arrival and wakes at the release; locks of other processes
    /// are asked for every 10 to 200 milliseconds. The lock is kept under `lock:` and its name: in the route that
    /// names that prefix if there is one, else in the route of the name.
    ///
    /// # Errors
    /// [`Error::LockTimeout`] when the wait is over, [`Error::Locked`] if there was to be none; [`Error::Config`] for
    /// a lease of zero; what the backend fails with, at once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// let lock = cache.lock("invoices", "30s").wait("5s").await?;
    /// // One at a time; `lock.fence()` tells later holders from earlier ones.
    /// assert!(cache.lock("invoices", "30s").wait(false).await.is_err());
    /// assert!(lock.release().await?, "it was ours to the end");
    /// # Ok(()) }
    /// ```
    pub fn lock(&self, key: impl IntoKey, ttl: impl IntoTtl) -> Lock<'_> {
        Lock {
            cache: self,
            key: key.into_key(),
            lease: ttl.into_ttl(),
            wait: Ok(WAIT),
            renew: false,
            options: Options::default(),
        }
    }
}

/// [`Cache::lock`], on its way.
#[derive(Debug)]
#[must_use = "nothing is locked before `.await`"]
pub struct Lock<'c> {
    cache: &'c Cache,
    key: Key,
    lease: Result<Ttl>,
    wait: Result<Duration>,
    renew: bool,
    options: Options,
}

// No timeout: how long it may take is the wait.
key_options!(Lock, options);

impl Lock<'_> {
    /// How long to wait for it: `true` is 60 seconds, `false` or zero not at all, else `"5s"`, seconds or a
    /// [`Duration`].
    pub fn wait(mut self, wait: impl IntoWait) -> Self {
        self.wait = wait.into_wait();
        self
    }

    /// Renews the lease in the background at every third of it, as long as the guard is there.
    pub fn renew(mut self) -> Self {
        self.renew = true;
        self
    }
}

impl<'c> IntoFuture for Lock<'c> {
    type Output = Result<LockGuard>;
    type IntoFuture = BoxFuture<'c, Result<LockGuard>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (lease, wait) = (self.lease?, self.wait?);
            let place = Place::of(self.cache, &self.options.key(self.key))?;
            let mut guard = take(place, lease, wait).await?;
            if self.renew {
                guard.keep_renewed(lease)?;
            }
            Ok(guard)
        })
    }
}

async fn take(place: Place, lease: Ttl, wait: Duration) -> Result<LockGuard> {
    let (clock, route) = (place.cache.clock(), place.route()?);
    let deadline = clock.now().after(wait);
    if wait.is_zero() || !InLine::is_there(route.id(), &place.key) {
        match LockGuard::try_take(&place, lease).await? {
            Ok(guard) => return Ok(guard),
            Err(_) if wait.is_zero() => return Err(Error::Locked),
            Err(_) => {}
        }
    }
    let line = InLine::join(route.id(), &place.key);
    let _turn = tokio::select! {
        biased;
        turn = line.turn() => turn,
        () = clock.sleep_until(deadline) => return Err(Error::LockTimeout),
    };
    let mut pauses = Pauses::of(route.form());
    loop {
        // Heard from before the question on: no release is missed.
        let freed = freed(&place.key).notified();
        let left = match LockGuard::try_take(&place, lease).await? {
            Ok(guard) => return Ok(guard),
            Err(left) => left,
        };
        let now = clock.now();
        if now >= deadline {
            return Err(Error::LockTimeout);
        }
        tokio::select! {
            biased;
            () = freed => {}
            () = clock.sleep_until(pauses.next(now, left).min(deadline)) => {}
        }
    }
}

/// When to ask again for a lock that somebody holds.
pub(super) struct Pauses(Option<Duration>);

impl Pauses {
    /// A store of objects is in this process: whoever releases tells.
    pub(super) fn of(form: Form) -> Self {
        Self((form == Form::Bytes).then_some(PAUSES.0))
    }

    /// The end of the lease, or of the pause if that is earlier.
    pub(super) fn next(&mut self, now: Time, left: Option<Duration>) -> Time {
        let expiry = left.map_or(Time::NEVER, |left| now.after(left));
        let Some(pause) = self.0 else { return expiry };
        self.0 = Some((pause * 2).min(PAUSES.1));
        expiry.min(now.after(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_lock_is_asked_for_less_and_less_often_and_when_its_lease_ends() {
        let now = Time::from_nanos(1);
        let mut pauses = Pauses::of(Form::Bytes);
        let mut next = |left| pauses.next(now, left).since(now).as_millis();
        assert_eq!([next(None), next(None), next(None)], [10, 20, 40]);
        assert_eq!(next(Some(Duration::from_millis(7))), 7);
        assert_eq!([next(None), next(None), next(None)], [160, 200, 200]);
        assert_eq!(Pauses::of(Form::Objects).next(now, None), Time::NEVER);
    }
}
