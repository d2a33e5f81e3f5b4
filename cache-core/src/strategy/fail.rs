//! `#[fail]`: run the function always; when it fails, answer with what it last gave.
//!
//! ```text
//! call ── right to store ── function ──► Ok  ── keep it under fail:<key> ──► it
//!                                  └───► Err ── one that is meant? ── there, and younger than ttl? ──► the last answer
//!                                                       └── no ─────────────── no ─────────────────► the error
//! ```
//!
//! It only helps: a backend that is broken, an entry that cannot be read are events, and the call has the function's
//! own answer. What was kept is a *fallback*: no computation around it stores what is made of it.

mod attempt;
mod keep;

use std::fmt;
use std::future::Future;

use attempt::Attempt;
pub use attempt::Recall;

use crate::cache::{CacheRef, resorts};
use crate::clock::BoxFuture;
use crate::error::{Error, Result};
use crate::flight::{Mark, Within, within};
use crate::key::KeyBuf;
use crate::registry::Function;
use crate::returns::{Outcome, Returned, Shape};
use crate::scope::Calm;
use crate::ttl::Ttl;

/// The reserved prefix of what is kept.
pub(crate) const PREFIX: &str = "fail:";

/// What the attribute fixes before the call.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `when = …` said no.
    pub bypass: bool,
    /// No other attribute of the function counts its calls.
    pub counts: bool,
    /// No other attribute of the function stores values: a refresh ends here, and not in what the body calls.
    pub alone: bool,
}

/// Takes the right to store, before the function runs: what is invalidated meanwhile is not kept. In this process's
/// memory the first poll has it.
pub fn enter<Out, S: Shape<Out>>(
    function: &'static Function,
    cache: CacheRef,
    key: &mut KeyBuf,
    returned: Returned<Out, S>,
    settings: Settings,
) -> BoxFuture<'static, Watch> {
    resorts::used();
    let (key, why, reader) = (key.as_key().to_key(), key.why_unkeyable(), returned.reader());
    let alone = settings.alone;
    Box::pin(async move {
        let attempt = Attempt::begin(function, cache, key, why, reader, settings).await;
        Watch { attempt: Box::new(attempt), alone }
    })
}

/// A function under way that may fail.
pub struct Watch {
    /// Boxed: it lives across the body, and futures stay small.
    attempt: Box<Attempt>,
    alone: bool,
}

/// What leaving came to. Both futures are done at once where the backend is in this process.
pub enum Left<Out> {
    /// The answer.
    Answer(Out),
    /// The answer, when it is kept: should the next call fail, it is there.
    Keeping(BoxFuture<'static, ()>, Out),
    /// The function failed: it is being looked what it last gave.
    Failed(BoxFuture<'static, Option<Recall>>, Out),
}

impl Watch {
    /// Runs the function. What is made of somebody else's fallback is not kept.
    pub fn run<F: Future>(&mut self, body: F) -> Within<F> {
        let calm = if self.alone { Calm::if_recomputing() } else { None };
        within(vec![Mark::Answer(self.attempt.makeshift())], calm, body)
    }

    /// A guard inside refused the call, and has told so.
    pub fn refused(&mut self) {
        self.attempt.refused();
    }

    /// The function has answered. `failure` says of an error whether it is one of those that are meant, and what to
    /// tell of it.
    pub fn leave<Out, S: Shape<Out>>(
        self,
        returned: Returned<Out, S>,
        out: Out,
        ttl: Result<Ttl>,
        failure: impl FnOnce(&S::Error) -> Option<Error>,
    ) -> Left<Out> {
        let attempt = self.attempt;
        let entry = match S::split(&out) {
            Outcome::Failed(error) => {
                if let Some(hidden) = failure(error) {
                    return Left::Failed(Box::pin(attempt.recall(hidden)), out);
                }
                None
            }
            // A ttl that came out impossible keeps nothing: a cache cannot fail the call.
            _ => ttl.ok().filter(|_| attempt.keeps()).and_then(|ttl| returned.entry(&out, attempt.meta(ttl))),
        };
        let Some(entry) = entry else {
            attempt.done(None);
            return Left::Answer(out);
        };
        match attempt.begin_keep(entry) {
            None => Left::Answer(out),
            Some(keeping) => Left::Keeping(keeping, out),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

impl<Out> fmt::Debug for Left<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer",
            Self::Keeping(..) => "Keeping",
            Self::Failed(..) => "Failed",
        })
    }
}
