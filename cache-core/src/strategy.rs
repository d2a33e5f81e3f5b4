//! Strategies: what an attribute does around a function.
//!
//! A strategy is *entered* and *left*. Entering either answers (a hit, a refusal) or hands out a token; the
//! function runs; leaving takes its result, stores it or counts it, and gives back the answer. A token that
//! is dropped instead (the call was cancelled, the function panicked) frees whatever it held. The macros
//! nest plain blocks of *enter → function → leave*; nothing is composed at run time.
//!
//! A *guard* answers by refusing; what it decides by is a state that a backend changes one step at a time.
//!
//! Only the synchronous hit is generic. What waits or stores is written once, over erased entries.

pub(crate) mod batch;
pub(crate) mod cached;
mod call;
mod careful;
pub(crate) mod circuit_breaker;
mod compute;
pub(crate) mod fail;
mod finish;
pub(crate) mod get_or_set;
pub(crate) mod guard;
pub(crate) mod inside;
pub(crate) mod invalidate;
mod keep;
mod lead;
mod lease;
pub(crate) mod locked;
mod numbers;
pub(crate) mod perf;
pub(crate) mod policy;
pub(crate) mod rate_limit;
pub(crate) mod refresh;

pub(crate) use call::{Call, Mode, Reader, Trouble};
pub(crate) use compute::{Ticket, weighed};
pub(crate) use lead::Led;

/// What entering came to.
#[derive(Debug)]
pub enum Enter<Out, Token> {
    /// The answer; the function does not run.
    Answer(Out),
    /// Go on with this token.
    Go(Token),
}
