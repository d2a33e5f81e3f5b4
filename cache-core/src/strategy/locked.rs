//! `#[locked]`: one execution of a key at a time, across processes where they share the backend.
//!
//! ```text
//! call ── key ──► lock:<key> ──► free ────► function, the lease renewed at each third ──► release ──► answer
//!                     └────────► held ──► in line ──► free, as above
//!                                             └─────► Error::LockTimeout (no wait: Error::Locked)
//! ```
//!
//! Whatever ends the call drops the guard, and so releases. A holder whose lease is lost goes on: its answer is
//! given, and no value strategy inside stores what was computed under it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::Enter;
use super::guard::{Admitted, Guarded, Settings};
use crate::cache::CacheRef;
use crate::clock::BoxFuture;
use crate::command::{Command, LockGuard};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::flight::{Mark, Within, within};
use crate::key::KeyBuf;
use crate::lock::{Fence, PREFIX};
use crate::registry::Function;
use crate::ttl::Ttl;

/// How the lock is taken.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How long it is held after the last renewal.
    pub lease: Duration,
    /// How long to wait for it; zero: not at all.
    pub wait: Result<Duration>,
    /// Whether the function counts on its number.
    pub is_fenced: bool,
}

/// Takes the lock, waiting for it if it may.
///
/// Where the backend is broken the call goes on without, and an event says so; unless it needs a fence, which
/// nobody can give then.
pub fn enter(
    function: &'static Function,
    cache: CacheRef,
    key: &mut KeyBuf,
    terms: Terms,
    settings: Settings,
) -> BoxFuture<'static, Enter<Error, Box<Held>>> {
    let call = Guarded::new("locked", PREFIX, function, cache, key, settings);
    Box::pin(async move {
        if call.is_bypass(Command::Lock) {
            return Held::go(call.bypassed(), None);
        }
        let (lease, wait) = match terms.wait.and_then(|wait| Ok((Ttl::new(terms.lease)?, wait))) {
            Ok(terms) => terms,
            Err(error) => return Enter::Answer(call.refused(error)),
        };
        match call.lock(lease, wait).await {
            Ok(guard) => Held::go(call.admitted(), Some(guard)),
            Err(error) if terms.is_fenced || matches!(error, Error::Locked | Error::LockTimeout) => {
                Enter::Answer(call.refused(error))
            }
            Err(error) => Held::go(call.unguarded(&error), None),
        }
    })
}

/// A call that has entered, with its lock if there was one to take. Dropping it releases.
pub struct Held {
    admitted: Admitted,
    guard: Option<LockGuard>,
}

impl Held {
    /// Boxed: it lives across the body, and futures stay small.
    fn go(admitted: Admitted, guard: Option<LockGuard>) -> Enter<Error, Box<Self>> {
        Enter::Go(Box::new(Self { admitted, guard }))
    }

    /// The number of this acquisition.
    pub fn fence(&self) -> Fence {
        self.guard.as_ref().map_or(Fence::NONE, LockGuard::fence)
    }

    /// Runs the function under the lock.
    pub fn run<F: Future>(&self, body: F) -> Within<F> {
        within(self.guard.iter().map(|guard| Mark::Lock(guard.lease())).collect(), None, body)
    }

    /// The function has answered; `ran`: and no guard inside instead of it.
    ///
    /// A release that takes its time goes on in the background: the answer may be of a type that cannot wait.
    pub fn leave(self, ran: bool) {
        let Self { admitted, guard } = self;
        if guard.as_ref().is_some_and(|guard| !guard.is_held()) {
            admitted.tell(EventKind::LeaseLost);
        }
        drop(guard);
        if ran {
            admitted.leave();
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("admitted", &self.admitted).finish_non_exhaustive()
    }
}
