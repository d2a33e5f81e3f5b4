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
use crate::lock::{InLine, Leaving};
use crate::ttl::{IntoTtl, Ttl};

/// How often a lock is asked for that another process may hold: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// How long a release may be on its way that nobody else would wait for: as long as a command on a byte backend.
const LEAVING: Duration = Duration::from_millis(250);

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
    /// [`Error::LockTimeout`] when the wait is over, [`Error::Locked`] if there was to be none, and where a `#[locked]`
    /// function asks for the very lock that it runs under; [`Error::Config`] for a lease of zero; what the backend fails
    /// with, at once.
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

pub(crate) async fn take(place: Place, lease: Ttl, wait: Duration) -> Result<LockGuard> {
    if place.is_held_here() {
        return Err(Error::Locked);
    }
    if wait.is_zero() {
        return take_now(&place, lease).await;
    }
    let (clock, route) = (place.cache.clock(), place.route()?);
    let deadline = clock.now().after(wait);
    if !InLine::is_there(route.id(), &place.spelled)
        && let Ok(guard) = LockGuard::try_take(&place, lease).await?
    {
        return Ok(guard);
    }
    let line = InLine::join(route.id(), &place.spelled);
    let _turn = tokio::select! {
        biased;
        turn = line.turn() => turn,
        () = clock.sleep_until(deadline) => return Err(Error::LockTimeout),
    };
    let mut pauses = Pauses::of(route.form());
    loop {
        // Heard from before the question on: no release is missed.
        let freed = place.freed();
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

/// Without waiting, except for a release by this process that is on its way: whoever calls one after another is
/// not in its own way.
async fn take_now(place: &Place, lease: Ttl) -> Result<LockGuard> {
    let clock = place.cache.clock();
    let mut deadline = None;
    loop {
        let (freed, is_leaving) = (place.freed(), Leaving::is_on_its_way(&place.spelled));
        if let Ok(guard) = LockGuard::try_take(place, lease).await? {
            return Ok(guard);
        }
        let now = clock.now();
        let deadline = *deadline.get_or_insert_with(|| now.after(LEAVING));
        if !is_leaving || now >= deadline {
            return Err(Error::Locked);
        }
        tokio::select! {
            biased;
            () = freed => {}
            () = clock.sleep_until(deadline) => {}
        }
    }
}

/// When to ask again for a lock that somebody holds.
pub(crate) struct Pauses(Option<Duration>);

impl Pauses {
    /// A store of objects is in this process: whoever releases tells.
    pub(crate) fn of(form: Form) -> Self {
        Self((form == Form::Bytes).then_some(PAUSES.0))
    }

    /// The end of the lease, or of the pause if that is earlier.
    pub(crate) fn next(&mut self, now: Time, left: Option<Duration>) -> Time {
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
