//! `#[rate_limit]`: at most so many calls of a key in so much time; the others are refused before the function runs.
//!
//! ```text
//! call ── key ──► rate_limit:<key> ── one step ──► admitted ──► function ──► answer
//!                                           └────► refused ───────────────► Error::RateLimited { retry_after }
//! ```
//!
//! Every decision is a pure function of the state and the time; a backend keeps the state, never evicts it, and
//! drops it when it binds no longer.

mod fixed;
mod gcra;
mod rule;
mod sliding;
#[cfg(test)]
mod tests;

pub use rule::{Algorithm, Limit};

use super::Enter;
use super::guard::{Admitted, Entering, Guarded, Settings};
use crate::cache::CacheRef;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::KeyBuf;
use crate::registry::Function;
use rule::Admission;

/// The reserved prefix of their states.
const PREFIX: &str = "rate_limit:";

/// Asks for admission. In this process's memory the answer is there at once.
///
/// Whom to count cannot be known without a key, and not where the backend is broken: then the call is let through,
/// and an event says so.
pub fn enter(
    function: &'static Function,
    cache: CacheRef,
    key: &mut KeyBuf,
    limit: Limit,
    settings: Settings,
) -> Entering<Admitted> {
    let call = Guarded::new("rate_limit", PREFIX, function, cache, key, settings);
    if call.is_bypass(Command::Incr) {
        return Entering::known(Enter::Go(call.bypassed()));
    }
    let mut admission = Admission::new(limit);
    if call.update_now(&mut admission) {
        return Entering::known(told(call, Ok(&admission)));
    }
    Entering::asking(async move {
        let asked = call.update(&mut admission).await;
        told(call, asked.map(|()| &admission))
    })
}

fn told(call: Guarded, asked: Result<&Admission>) -> Enter<Error, Admitted> {
    match asked.map(Admission::told) {
        Ok(Some(retry_after)) => Enter::Answer(call.refused(Error::rate_limited(retry_after))),
        Ok(None) => Enter::Go(call.admitted()),
        Err(error) => Enter::Go(call.unguarded(&error)),
    }
}
