//! The right to compute a present value anew: one at a time in all processes, and not right after it has failed.

use std::time::Duration;

use super::backoff::Backoff;
use crate::backend::Form;
use crate::background;
use crate::cache::Route;
use crate::command::{LockGuard, Place};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::{Key, KeyBuf};
use crate::strategy::Call;
use crate::ttl::Ttl;

/// How long the right lasts where a process may die and leave it behind; renewed at every third.
const LEASE: Ttl = Ttl::from_millis(10_000);

/// Why there is no right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Somebody else has it.
    Busy,
    /// Computing failed a moment ago.
    Pausing,
}

/// The right, given back when dropped.
pub(crate) struct Hold {
    /// `None` once it is given back.
    lease: Option<LockGuard>,
    /// Where failures are counted.
    failures: Place,
    /// The present entry.
    of: u64,
    has_failed: bool,
}

impl Hold {
    /// Asks for the right. Both states live with the value.
    pub(super) async fn take(
        call: &Call,
        route: &Route,
        present: &Entry,
    ) -> Result<std::result::Result<Self, Refused>> {
        let of = present.identity();
        let place = |what| Place::new(&call.cache, route, beside(what, &call.key));
        let failures = place("gen:failures:");
        let mut backoff = Backoff::look(of);
        failures.update(&mut backoff).await?;
        if backoff.left().is_some() {
            return Ok(Err(Refused::Pausing));
        }
        // In this process whoever holds it gives it back: it ends with what it is about.
        let local = Ttl::new(present.expires().since(call.cache.now()).max(Duration::from_millis(1)));
        let (lease, renewed) = match route.form() {
            Form::Objects => (local.unwrap_or(LEASE), false),
            Form::Bytes => (LEASE, true),
        };
        let Ok(mut lease_held) = LockGuard::try_take(&place("gen:refresh:"), lease).await? else {
            return Ok(Err(Refused::Busy));
        };
        if renewed {
            lease_held.keep_renewed(lease)?;
        }
        let has_failed = backoff.has_failed();
        Ok(Ok(Self { lease: Some(lease_held), failures, of, has_failed }))
    }

    /// Whether what is computed under it may be stored.
    pub(crate) fn is_held(&self) -> bool {
        self.lease.as_ref().is_some_and(LockGuard::is_held)
    }

    /// The value was computed.
    pub(crate) async fn over(mut self) {
        if self.has_failed {
            self.say(Backoff::over(self.of)).await;
        }
        self.release().await;
    }

    /// It was not: nobody tries for a while.
    pub(crate) async fn failed(mut self) {
        self.say(Backoff::failed(self.of)).await;
        self.release().await;
    }

    async fn say(&self, mut word: Backoff) {
        // Unsaid, it is tried again a little early.
        drop(self.failures.update(&mut word).await);
    }

    async fn release(&mut self) {
        if let Some(lease) = self.lease.take() {
            // Else it ends by itself.
            drop(lease.release().await);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take().filter(|_| std::thread::panicking()) else { return };
        let hold = Self { lease: Some(lease), failures: self.failures.clone(), ..*self };
        background::finish(Box::pin(hold.failed()));
    }
}

/// The key of what is kept beside a value.
pub(super) fn beside(what: &str, key: &Key) -> Key {
    let mut state = KeyBuf::new();
    state.literal(what);
    state.literal(key.as_str());
    state.as_key().to_key()
}
