//! Locks by token: for holders that outlive a guard, such as jobs that move between processes.

use std::future::IntoFuture;
use std::time::Duration;

use super::super::limit::IntoWait;
use super::super::options::{Options, call_options, key_options};
use super::Place;
use super::take::Pauses;
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::command::Command;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::lock::{Change, Told, tell_freed};
use crate::ttl::{IntoTtl, Ttl};

impl Cache {
    /// Takes the lock of this name for whoever knows the token; `false` if it is held, also under this token. The same
    /// locks as [`lock`](Cache::lock)'s, without waiting and without a guard.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a ttl of zero. `"forever"` is held until it is unlocked.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert!(cache.set_lock("report", "job-7", "10m").await?);
    /// assert!(!cache.set_lock("report", "job-8", "10m").await?);
    /// // … and whoever ends the job:
    /// assert!(!cache.unlock("report", "job-8").await?, "it is another's");
    /// assert!(cache.unlock("report", "job-7").await?);
    /// # Ok(()) }
    /// ```
    pub fn set_lock(&self, key: impl IntoKey, token: impl Into<String>, ttl: impl IntoTtl) -> SetLock<'_> {
        let (token, lease) = (token.into(), ttl.into_ttl());
        SetLock { cache: self, key: key.into_key(), token, lease, options: Options::default() }
    }

    /// Releases the lock of this name if it is held under this token; else `false`, and it stays as it is.
    pub fn unlock(&self, key: impl IntoKey, token: impl Into<String>) -> Unlock<'_> {
        Unlock { cache: self, key: key.into_key(), token: token.into(), options: Options::default() }
    }

    /// Whether somebody holds the lock of this name. With `.wait("10s")`, whether somebody still does after waiting up
    /// to that for a release or the end of the lease.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// let _held = cache.lock("migration", "1m").await?;
    /// assert!(cache.is_locked("migration").wait("10ms").await?, "still at it");
    /// # Ok(()) }
    /// ```
    pub fn is_locked(&self, key: impl IntoKey) -> IsLocked<'_> {
        IsLocked { cache: self, key: key.into_key(), wait: Ok(Duration::ZERO), options: Options::default() }
    }
}

/// [`Cache::set_lock`], on its way.
#[derive(Debug)]
#[must_use = "nothing is locked before `.await`"]
pub struct SetLock<'c> {
    cache: &'c Cache,
    key: Key,
    token: String,
    lease: Result<Ttl>,
    options: Options,
}

call_options!(SetLock, options);

impl<'c> IntoFuture for SetLock<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, token, lease, options } = self;
        let key = options.key(key);
        options.run(cache, async move {
            let place = Place::of(cache, &key)?;
            if place.is_off(Command::Lock)? {
                return Ok(true);
            }
            let told = place.change(Change::take(&token, lease?)).await?;
            Ok(matches!(told, Told::Mine(_)))
        })
    }
}

/// [`Cache::unlock`], on its way.
#[derive(Debug)]
#[must_use = "nothing is released before `.await`"]
pub struct Unlock<'c> {
    cache: &'c Cache,
    key: Key,
    token: String,
    options: Options,
}

call_options!(Unlock, options);

impl<'c> IntoFuture for Unlock<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, token, options } = self;
        let key = options.key(key);
        options.run(cache, async move {
            let place = Place::of(cache, &key)?;
            if place.is_off(Command::Unlock)? {
                return Ok(false);
            }
            let told = place.change(Change::release(&token)).await?;
            tell_freed(&place.spelled);
            Ok(matches!(told, Told::Mine(_)))
        })
    }
}

/// [`Cache::is_locked`], on its way.
#[derive(Debug)]
#[must_use = "nothing is asked before `.await`"]
pub struct IsLocked<'c> {
    cache: &'c Cache,
    key: Key,
    wait: Result<Duration>,
    options: Options,
}

key_options!(IsLocked, options);

impl IsLocked<'_> {
    /// How long to wait for a release: `true` is 60 seconds, `false` or zero not at all, else `"10s"`, seconds or a
    /// [`Duration`].
    pub fn wait(mut self, wait: impl IntoWait) -> Self {
        self.wait = wait.into_wait();
        self
    }
}

impl<'c> IntoFuture for IsLocked<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, wait, options } = self;
        Box::pin(async move {
            let place = Place::of(cache, &options.key(key))?;
            if place.is_off(Command::IsLocked)? {
                return Ok(false);
            }
            let (clock, mut pauses) = (cache.clock(), Pauses::of(place.route()?.form()));
            let deadline = clock.now().after(wait?);
            loop {
                // Heard from before the question on: no release is missed.
                let freed = place.freed();
                let Told::Held(left) = place.change(Change::look()).await? else { return Ok(false) };
                let now = clock.now();
                if now >= deadline {
                    return Ok(true);
                }
                tokio::select! {
                    biased;
                    () = freed => {}
                    () = clock.sleep_until(pauses.next(now, left).min(deadline)) => {}
                }
            }
        })
    }
}
