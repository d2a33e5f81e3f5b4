//! `#[perf]`: a function that has become slow is spared for a while.
//!
//! ```text
//!             a call took more than factor × the mean of the trace
//!   TRACED ─────────────────────────────────────────────────────────► DEGRADED
//!   calls run, and the times of the last                              calls get Error::Degraded
//!   trace_size of them are kept                                             │
//!      ▲                                                                    │
//!      └───────────────── ttl is over: an empty trace ──────────────────────┘
//! ```
//!
//! Every decision is a pure function of the state, how long a call took, and the time; a backend keeps the state.
//! Nothing is held while the function runs: a call that is cancelled or panics was not measured.

mod rule;
#[cfg(test)]
mod tests;

use std::fmt;

pub use rule::Perf;

use super::Enter;
use super::finish::Finish;
use super::guard::{Admitted, Entering, Guarded, Settings};
use super::inside::Inside;
use crate::cache::CacheRef;
use crate::clock::Time;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::KeyBuf;
use crate::registry::Function;
use rule::{Ask, Change};

/// The reserved prefix of their states.
const PREFIX: &str = "perf:";

/// Asks to be let through. In this process's memory the answer is there at once.
///
/// Without a key, or where the backend is broken, the call is let through, and an event says so.
pub fn enter(
    function: &'static Function,
    cache: CacheRef,
    key: &mut KeyBuf,
    perf: Perf,
    settings: Settings,
) -> Entering<Measured> {
    let call = Guarded::new("perf", PREFIX, function, cache, key, settings);
    if call.is_bypass(Command::Incr) {
        return Entering::known(Enter::Go(Measured { call: call.bypassed(), began: None }));
    }
    let mut change = Change::new(perf, Ask::Begin);
    if call.update_now(&mut change) {
        return Entering::known(told(call, perf, Ok(&change)));
    }
    Entering::asking(async move {
        let asked = call.update(&mut change).await;
        told(call, perf, asked.map(|()| &change))
    })
}

fn told(call: Guarded, perf: Perf, asked: Result<&Change>) -> Enter<Error, Measured> {
    match asked.map(|change| change.told) {
        Ok(Ok(shared)) => {
            let began = Some(Began { perf, shared, here: call.now() });
            Enter::Go(Measured { call: call.admitted(), began })
        }
        Ok(Err(retry_after)) => Enter::Answer(call.refused(Error::degraded(retry_after))),
        Err(error) => Enter::Go(Measured { call: call.unguarded(&error), began: None }),
    }
}

/// A call under way.
pub struct Measured {
    call: Admitted,
    /// `None`: it is not measured.
    began: Option<Began>,
}

struct Began {
    perf: Perf,
    /// By the clock of the backend, which all who share it have in common.
    shared: Time,
    /// By the clock of the cache, which is exact.
    here: Time,
}

impl Measured {
    /// The function has answered, or a layer inside in its place.
    pub fn leave(self, failed: bool, inside: Option<&Inside>) -> Finish<()> {
        let Self { call, began } = self;
        if !inside.is_some_and(Inside::is_refused) {
            call.count();
        }
        let end = began.filter(|_| !inside.is_some_and(Inside::is_from_elsewhere)).map(|began| {
            let took = call.call().now().since(began.here);
            (began.perf, Ask::End { began: began.shared, took, failed })
        });
        let Some((perf, ask)) = end else { return Finish::done(()) };
        call.end(Change::new(perf, ask))
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.call).finish()
    }
}
