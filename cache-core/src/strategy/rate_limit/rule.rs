//! What a limit says, and the one question that is asked of its state.

use std::time::Duration;

use super::{fixed, gcra, sliding};
use crate::backend::{Step, Transition};
use crate::clock::Time;

/// How calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// In windows that begin with the first call after the one before; a call too many begins a ban.
    Fixed,
    /// In the window that ends now.
    Sliding,
    /// Not at all: they are kept apart.
    Gcra,
}

/// So many calls in so much time.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How they are counted.
    pub algorithm: Algorithm,
    /// How many. With none, every call is refused.
    pub limit: u32,
    /// In how much time.
    pub period: Duration,
    /// How long nobody is admitted after a call too many, where calls are counted in fixed windows.
    pub ban: Duration,
}

/// Admitted, or when to come again.
pub(super) type Verdict = Result<(), Duration>;

impl Limit {
    /// What becomes of a call at `now`, and of the state.
    pub(super) fn step(&self, state: Option<&[u8]>, now: Time) -> (Verdict, Step) {
        if self.limit == 0 {
            return (Err(self.period), Step::Keep);
        }
        match self.algorithm {
            Algorithm::Fixed => fixed::step(self, state, now),
            Algorithm::Sliding => sliding::step(self, state, now),
            Algorithm::Gcra => gcra::step(self, state, now),
        }
    }
}

/// One call that asks to be admitted.
#[derive(Debug)]
pub(super) struct Admission {
    limit: Limit,
    refused: Option<Duration>,
}

impl Admission {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, refused: None }
    }

    /// When to come again; `None`: it is admitted.
    pub(super) const fn told(&self) -> Option<Duration> {
        self.refused
    }
}

impl Transition for Admission {
    fn name(&self) -> &'static str {
        "rate_limit"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let (verdict, step) = self.limit.step(state, now);
        self.refused = verdict.err();
        step
    }
}
