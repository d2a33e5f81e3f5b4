//! Whether and for how long an answer is kept.

use std::fmt;
use std::time::Duration;

use super::cached::Lead;
use crate::error::Result;
use crate::returns::Outcome;
use crate::ttl::{IntoTtl, Ttl};

/// The decision to keep an answer, parameter by parameter.
#[must_use = "a decision begins and ends: `.done()`"]
pub struct Keep<'a, V, E> {
    pub(super) lead: &'a Lead,
    pub(super) outcome: Outcome<&'a V, &'a E>,
    pub(super) ttl: Option<Result<Ttl>>,
    pub(super) wanted: bool,
    pub(super) jitter: Option<f64>,
}

/// A decision made: keep for this long, or not.
#[derive(Debug, Clone, Copy)]
pub struct Kept(pub(super) Option<Ttl>);

impl<V, E> Keep<'_, V, E> {
    /// `ttl = …`, for values.
    pub fn ttl(mut self, ttl: Result<Ttl>) -> Self {
        if matches!(self.outcome, Outcome::Value(_)) {
            self.ttl = Some(ttl);
        }
        self
    }

    /// `ttl = |value| …`.
    pub fn ttl_with<T: IntoTtl>(mut self, ttl: impl FnOnce(&V) -> T) -> Self {
        if let Outcome::Value(value) = self.outcome {
            self.ttl = Some(ttl(value).into_ttl());
        }
        self
    }

    /// `none_ttl = …`.
    pub fn none_ttl(mut self, ttl: Result<Ttl>) -> Self {
        if matches!(self.outcome, Outcome::Absent) {
            self.ttl = Some(ttl);
        }
        self
    }

    /// `err_ttl = …`.
    pub fn err_ttl(mut self, ttl: Result<Ttl>) -> Self {
        if matches!(self.outcome, Outcome::Failed(_)) {
            self.ttl = Some(ttl);
        }
        self
    }

    /// `err_ttl(PATTERN = …)`.
    pub fn err_ttl_with(mut self, ttl: impl FnOnce(&E) -> Option<Result<Ttl>>) -> Self {
        if let Outcome::Failed(error) = self.outcome {
            self.ttl = ttl(error);
        }
        self
    }

    /// `condition = |value| …`.
    pub fn condition(mut self, condition: impl FnOnce(&V) -> bool) -> Self {
        if let Outcome::Value(value) = self.outcome {
            self.wanted = self.wanted && condition(value);
        }
        self
    }

    /// `time_condition = …`: only what took longer.
    pub fn time_condition(mut self, least: Duration) -> Self {
        self.wanted = self.wanted && self.lead.ticket.elapsed() > least;
        self
    }

    /// `jitter = …`.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }

    /// The decision. A ttl that came out impossible keeps nothing: a cache cannot fail the call.
    pub fn done(self) -> Kept {
        let ttl = self.ttl.filter(|_| self.wanted).and_then(Result::ok);
        Kept(match self.jitter {
            Some(share) => ttl.map(|ttl| ttl.jittered(share)),
            None => ttl,
        })
    }
}

impl<V, E> fmt::Debug for Keep<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").field("ttl", &self.ttl).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
