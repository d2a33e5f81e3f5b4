//! `#[circuit_breaker]`: a function that fails too often is left alone for a while, then tried by a few calls first.
//!
//! ```text
//!                failed calls ≥ errors_rate                 ttl is over, a call comes
//!      CLOSED ────────────────────────────────► OPEN ─────────────────────────────────► HALF-OPEN
//!   calls run, outcomes                     calls get Error::CircuitOpen              half_open_calls probes run,
//!   are counted when they end                     ▲                                   the others get CircuitOpen
//!         ▲                                       └────────────── a probe failed ──────────────┘ │
//!         └────────────────────────────────────── all of them succeeded ─────────────────────────┘
//! ```
//!
//! Every decision is a pure function of the state, what happened, and the time; a backend keeps the state, so a
//! shared one carries it across processes. Entering a closed breaker only looks. A permit is a number in the state:
//! it leaves with the probe however that ends, and after a while without it.

mod rule;
#[cfg(test)]
#[cfg(shuttle)]
mod schedules;
mod state;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::thread;
use std::time::Duration;

pub use rule::Breaker;

use super::Enter;
use super::finish::Finish;
use super::guard::{Admitted, Entering, Guarded, Settings};
use super::inside::Inside;
use crate::cache::CacheRef;
use crate::clock::Time;
use crate::command::Command;
use crate::error::Error;
use crate::key::KeyBuf;
use crate::registry::Function;
use rule::{Ask, Change, Outcome, Pass};

/// The reserved prefix of their states.
const PREFIX: &str = "circuit_breaker:";

/// What a call returned, as a breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `Ok`, or an error that `errors` does not fit.
    Good,
    /// An error where no `errors` are given: any is a failure, except our own refusals.
    Bad,
    /// An error that `errors` fits.
    Named,
}

/// Asks to be let through. In this process's memory the answer is there at once.
///
/// Without a key, or where the backend is broken, the call is let through, and an event says so.
pub fn enter(
    function: &'static Function,
    cache: CacheRef,
    key: &mut KeyBuf,
    breaker: Breaker,
    settings: Settings,
) -> Entering<Running> {
    let call = Guarded::new("circuit_breaker", PREFIX, function, cache, key, settings);
    if call.is_bypass(Command::Incr) {
        return Entering::known(Enter::Go(Running::unwatched(call.bypassed())));
    }
    let mut change = Change::new(breaker, Ask::Begin(fastrand::u64(..)));
    if call.update_now(&mut change) {
        return Entering::known(begun(call, breaker, &change).told());
    }
    Entering::asking(async move { Finish::new(begin(call, breaker, change)).await.told() })
}

/// What asking came to.
enum Entered {
    Let(Running),
    Refused(Guarded, Duration),
    Unknown(Guarded, Error),
}

impl Entered {
    fn told(self) -> Enter<Error, Running> {
        match self {
            Self::Let(running) => Enter::Go(running),
            Self::Refused(call, retry_after) => Enter::Answer(call.refused(Error::circuit_open(retry_after))),
            Self::Unknown(call, error) => Enter::Go(Running::unwatched(call.unguarded(&error))),
        }
    }
}

async fn begin(call: Guarded, breaker: Breaker, mut change: Change) -> Entered {
    match call.update(&mut change).await {
        Ok(()) => begun(call, breaker, &change),
        Err(error) => Entered::Unknown(call, error),
    }
}

fn begun(call: Guarded, breaker: Breaker, change: &Change) -> Entered {
    call.tell_moved(change);
    match change.told {
        Ok(pass) => {
            let began = call.now();
            Entered::Let(Running(Some(Watched { call: call.admitted(), pass: Some((pass, breaker)), began })))
        }
        Err(retry_after) => Entered::Refused(call, retry_after),
    }
}

/// A call that a breaker has let through. Dropped, it was cancelled, which says nothing; or it panicked, which is a
/// failure, as is having taken too long by then.
pub struct Running(Option<Watched>);

struct Watched {
    call: Admitted,
    /// `None`: the breaker was not asked.
    pass: Option<(Pass, Breaker)>,
    began: Time,
}

impl Running {
    const fn unwatched(call: Admitted) -> Self {
        Self(Some(Watched { call, pass: None, began: Time::ORIGIN }))
    }

    /// The function has answered, or a layer inside in its place.
    pub fn leave(mut self, answer: Answer, inside: Option<&Inside>) -> Finish<()> {
        let refused = inside.is_some_and(Inside::is_refused);
        let elsewhere = inside.is_some_and(Inside::is_from_elsewhere);
        let outcome = match answer {
            Answer::Named if refused || !elsewhere => Outcome::Failed,
            _ if elsewhere => Outcome::Nothing,
            Answer::Good => Outcome::Succeeded,
            Answer::Bad | Answer::Named => Outcome::Failed,
        };
        let watched = self.0.take();
        if let Some(watched) = watched.as_ref().filter(|_| !refused) {
            watched.call.count();
        }
        let slow = !elsewhere && watched.as_ref().is_some_and(Watched::is_slow);
        end(watched, if slow { Outcome::Failed } else { outcome })
    }
}

impl Watched {
    fn is_slow(&self) -> bool {
        let limit = self.pass.and_then(|(_, breaker)| breaker.slow_call);
        limit.is_some_and(|limit| self.call.call().now().since(self.began) >= limit)
    }
}

/// Tells the breaker.
fn end(watched: Option<Watched>, outcome: Outcome) -> Finish<()> {
    let Some(Watched { call, pass: Some((pass, breaker)), .. }) = watched else { return Finish::done(()) };
    if outcome == Outcome::Nothing && matches!(pass, Pass::Closed(_)) {
        return Finish::done(());
    }
    call.end(Change::new(breaker, Ask::End(pass, outcome)))
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(watched) = self.0.take() else { return };
        let failed = thread::panicking() || watched.is_slow();
        let outcome = if failed { Outcome::Failed } else { Outcome::Nothing };
        // Not at once: a panic that comes of it must not meet another.
        drop(Finish::begun(async move { end(Some(watched), outcome).await }));
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.0.as_ref().map(|watched| &watched.call)).finish()
    }
}
