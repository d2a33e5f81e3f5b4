//! Whether and for how long an answer is kept.

use std::fmt;
use std::time::Duration;

use super::cached::Lead;
use super::policy::Fresh;
use crate::error::Result;
use crate::returns::Outcome;
use crate::ttl::{IntoTtl, Ttl};

/// The decision to keep an answer, parameter by parameter.
#[must_use = "a decision begins and ends: `.done()`"]
pub struct Keep<'a, V, E> {
    lead: &'a Lead,
    outcome: Outcome<&'a V, &'a E>,
    ttl: Option<Result<Ttl>>,
    wanted: bool,
    jitter: Option<f64>,
    fresh: Result<Fresh>,
    falls_back: bool,
}

/// A decision made: keep for this long, or not, or go back to what was there.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    ttl: Option<Ttl>,
    /// Of values.
    pub(super) fresh: Option<Fresh>,
    falls_back: bool,
}

impl Kept {
    pub(super) const fn for_(ttl: Ttl) -> Self {
        Self { ttl: Some(ttl), fresh: None, falls_back: false }
    }

    /// For how long, and how much of it fresh; `None`: not at all.
    pub(super) fn kept(self) -> Option<(Ttl, Option<Fresh>)> {
        Some((self.ttl?, self.fresh))
    }

    /// Whether a value that is there is the better answer.
    pub(super) const fn falls_back(&self) -> bool {
        self.falls_back
    }
}

impl<'a, V, E> Keep<'a, V, E> {
    pub(super) fn new(lead: &'a Lead, outcome: Outcome<&'a V, &'a E>) -> Self {
        let falls_back = matches!(outcome, Outcome::Failed(_));
        Self { lead, outcome, ttl: None, wanted: true, jitter: None, fresh: Ok(Fresh::Whole), falls_back }
    }
}

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

    /// `early_ttl = …`, `soft_ttl = …`: how long a value is fresh. An impossible one is as long as it lives.
    pub fn fresh(mut self, fresh: Result<Fresh>) -> Self {
        self.fresh = fresh;
        self
    }

    /// `errors = PATTERN`: for other errors a value that is there is no better answer.
    pub fn errors(mut self, matches: impl FnOnce(&E) -> bool) -> Self {
        if let Outcome::Failed(error) = self.outcome {
            self.falls_back = matches(error);
        }
        self
    }

    /// The decision. A ttl that came out impossible keeps nothing: a cache cannot fail the call.
    pub fn done(self) -> Kept {
        let ttl = self.ttl.filter(|_| self.wanted).and_then(Result::ok);
        let ttl = match self.jitter {
            Some(share) => ttl.map(|ttl| ttl.jittered(share)),
            None => ttl,
        };
        let is_value = matches!(self.outcome, Outcome::Value(_));
        let fresh = is_value.then(|| self.fresh.unwrap_or(Fresh::Whole));
        Kept { ttl, fresh, falls_back: self.falls_back }
    }
}

impl<V, E> fmt::Debug for Keep<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").field("ttl", &self.ttl).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
