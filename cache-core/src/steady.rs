//! What stays right while a backend of bytes is not.
//!
//! ```text
//! route ─► middleware ─► Steady ─► Sealed ─► backend of bytes
//!                          │
//!                          ├ breaker   is it down? then every command is answered at once, and it is asked in the background
//!                          ├ kept      invalidations that failed: whom they concern reads nothing until they are done
//!                          └ tend      asks, and does what was kept, beside the callers
//! ```
//!
//! What it promises: **no read of this process shows anything older than an invalidation that was answered here**, with
//! or without an error. While a removal is kept, reads of what it concerns are misses, and stores of it wait for the try
//! that is under way or are refused, at once where that goes through all there is; a plain store of the very key takes
//! the removal's place. So do the states of guards: what would be removed a moment later is not begun. A lock is the
//! exception: its removal is not kept, for done late it would free the lock of somebody else.
//!
//! A command of a backend that is well pays two relaxed loads and one relaxed addition.

mod breaker;
mod kept;
mod late;
mod near;
mod quiet;
mod tend;
#[cfg(test)]
mod tests;
mod verbs;
mod watch;
mod way;
mod whole;

use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use self::breaker::{Breaker, Failure, Spell};
use self::kept::{Kept, Removal};
pub(crate) use self::late::late;
use self::quiet::Quiet;
use self::tend::Tender;
use self::watch::Status;
pub(crate) use self::whole::{Whole, with_guards};
use crate::backend::{Backend, Form};
use crate::clock::{Clock, SystemClock, Time};
use crate::error::Error;
use crate::event::{Event, EventKind, Observer};
use crate::pattern::Pattern;
use crate::sync::atomic::AtomicU64;
use crate::sync::{Mutex, MutexGuard};

/// A backend of bytes, and what is known of its health.
pub(crate) struct Steady {
    /// For the task in the background, which does not keep it alive.
    this: Weak<Self>,
    inner: Arc<dyn Backend>,
    /// The route's prefix, for events.
    route: Box<str>,
    observer: Option<Arc<dyn Observer>>,
    clock: OnceLock<Arc<dyn Clock>>,
    /// How long it has to answer.
    limit: Duration,
    /// What of `state` each command asks.
    status: Status,
    /// How many commands were answered, be it with a refusal.
    answers: AtomicU64,
    state: Mutex<State>,
    /// A try to do what was kept has ended.
    ended: Notify,
}

#[derive(Debug)]
struct State {
    breaker: Breaker,
    /// What is answered while it is down.
    error: Option<Error>,
    kept: Kept,
    /// How many times something kept was done.
    repaid: u64,
    /// The task that is at it.
    tender: Tender,
    /// What is kept is being tried just now.
    is_trying: bool,
    /// Since when all there is is gone through for that.
    walking: Option<Time>,
    /// How many times in a row that took too long.
    long_walks: u32,
    /// Somebody asked for the backend since it was asked last.
    is_wanted: bool,
    /// When what was refused is tried again, and how often that was.
    retry: (Time, u32),
    failures: Quiet,
    keeping: Quiet,
}

/// What the route says of its backend.
pub(crate) struct Terms {
    /// The route's prefix.
    pub(crate) route: Box<str>,
    /// How long a command may take.
    pub(crate) limit: Duration,
    /// Everything the route may have stored, as the backend spells it.
    pub(crate) keys: Vec<Pattern>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Steady {
    /// The backend made steady; one that keeps objects lives in this process, and has no need of it.
    pub(crate) fn around(backend: &Arc<dyn Backend>, terms: Terms) -> Option<Arc<Self>> {
        let Terms { route, limit, keys, observer } = terms;
        (backend.form() == Form::Bytes).then(|| {
            Arc::new_cyclic(|this| Self {
                this: this.clone(),
                inner: Arc::clone(backend),
                route,
                observer,
                clock: OnceLock::new(),
                limit,
                status: Status::default(),
                answers: AtomicU64::new(0),
                state: Mutex::new(State {
                    breaker: Breaker::new(limit),
                    error: None,
                    kept: Kept::new(keys),
                    repaid: 0,
                    tender: Tender::default(),
                    is_trying: false,
                    walking: None,
                    long_walks: 0,
                    is_wanted: false,
                    retry: (Time::ORIGIN, 0),
                    failures: Quiet::default(),
                    keeping: Quiet::default(),
                }),
                ended: Notify::new(),
            })
        })
    }

    /// Whether a failure is to be told, with the number of those before it that were not: while the backend is down,
    /// one a second is enough.
    pub(crate) fn tells_failure(&self) -> Option<u64> {
        if self.status.is_down() { self.state().failures.ask(self.now()) } else { Some(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        self.clock.get().map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// The same, cheaper and a little behind: when a command began that takes as long as a round trip.
    fn about_now(&self) -> Time {
        self.clock.get().map_or_else(|| SystemClock.coarse(), |clock| clock.coarse())
    }

    /// Lets commands see how things stand.
    fn publish(&self, state: &State) {
        self.status.set(&state.breaker, !state.kept.is_empty());
    }

    /// The answer of every command while the backend is down. `None`: it is not.
    fn refusal(&self) -> Option<Error> {
        let (error, starts) = {
            let mut state = self.state();
            let error = state.error.clone().filter(|_| state.breaker.is_down())?;
            state.is_wanted = true;
            (error, state.tender.take(self.now()))
        };
        self.tend(starts);
        Some(error)
    }

    /// A command failed so that the backend itself may be at fault.
    fn failed(&self, spell: Spell, failure: Failure, error: &Error) {
        let (down, starts) = {
            let mut state = self.state();
            let opened = state.breaker.failed(spell, failure, self.now(), fastrand::f64());
            self.publish(&state);
            if !opened {
                return;
            }
            let down = self.down(error);
            state.error = Some(down.clone());
            state.is_wanted = false;
            state.failures = Quiet::default();
            (down, state.tender.take(self.now()))
        };
        self.tell(EventKind::BackendDown, &self.route, Some(&down), 0);
        self.tend(starts);
    }

    /// What is answered while the backend is down because of this.
    fn down(&self, error: &Error) -> Error {
        match error {
            Error::Unavailable { .. } => error.clone(),
            _ => Error::unavailable(self.inner.name(), "it does not answer"),
        }
    }

    /// Keeps a removal that failed, or of which nobody knows.
    fn keep(&self, removal: Removal) {
        let Some(removal) = removal.kept() else { return };
        let (starts, told) = {
            let mut state = self.state();
            state.kept.keep(&removal);
            let starts = state.tender.take(self.now());
            if starts.is_some() && !state.breaker.is_down() {
                state.is_trying = true;
                state.retry = (Time::ORIGIN, 0);
            }
            self.publish(&state);
            (starts, state.keeping.ask(self.now()))
        };
        self.tend(starts);
        if let Some(untold) = told {
            self.tell(EventKind::InvalidationKept, removal.name(), None, untold);
        }
    }

    fn tell(&self, kind: EventKind, key: &str, error: Option<&Error>, untold: u64) {
        if let Some(observer) = &self.observer {
            let backend = Some(self.inner.name());
            observer.on_event(&Event { kind, key, function: None, backend, error, untold });
        }
    }
}
