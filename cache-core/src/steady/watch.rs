//! One command under the eyes of the breaker.

use std::future::Future;

use super::Steady;
use super::breaker::{Breaker, Failure, Spell};
use super::kept::{Mark, Removal};
use super::late::is_late;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::sync::atomic::{AtomicU64, Ordering};

const DOWN: u64 = 1;
const KEPT: u64 = 1 << 1;
const SILENT: u64 = 1 << 2;
const BITS: u32 = 3;

/// What each command asks first: in one word, read without a lock. Written under that of the state.
///
/// Relaxed is enough: who was told of an invalidation, by whatever way, sees what was written before.
#[derive(Debug, Default)]
pub(super) struct Status(AtomicU64);

impl Status {
    fn get(&self, bit: u64) -> bool {
        self.0.load(Ordering::Relaxed) & bit != 0
    }

    pub(super) fn is_down(&self) -> bool {
        self.get(DOWN)
    }

    /// Whether an invalidation is kept.
    pub(super) fn keeps(&self) -> bool {
        self.get(KEPT)
    }

    pub(super) fn set(&self, breaker: &Breaker, keeps: bool) {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        let bits = bit(breaker.is_down(), DOWN) | bit(keeps, KEPT) | bit(breaker.is_silent(), SILENT);
        self.0.store((breaker.spell().number() << BITS) | bits, Ordering::Relaxed);
    }

    fn spell(&self) -> Spell {
        Spell::from_number(self.0.load(Ordering::Relaxed) >> BITS)
    }
}

/// How much the time a command takes says about the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is answered at once, or something is wrong.
    Quick,
    /// It goes through all there is. On the way the backend may well have answered a thousand times.
    Walk,
}

/// A command that is under way.
///
/// That it was too late speaks against the backend only where the backend answered nothing at all meanwhile: neither
/// this command nor any other, whenever that was begun. Else there were too many at once, or too many for one key, and
/// what was late has waited in this process. A backend that falls silent is found out all the same, by the commands
/// begun after its last answer.
struct Watch<'a> {
    steady: &'a Steady,
    spell: Spell,
    begun: Time,
    kind: Kind,
    /// How many answers had come when it began.
    answers: u64,
    is_over: bool,
}

impl Watch<'_> {
    fn over<T>(mut self, outcome: &Result<T>) {
        self.is_over = true;
        match outcome {
            Err(error @ Error::Unavailable { .. }) => {
                self.steady.failed(self.spell, Failure::Unreachable, error);
            }
            Err(error @ Error::Timeout { .. }) => self.unanswered(error),
            // A refusal is an answer too.
            _ => {
                let steady = self.steady;
                steady.answers.fetch_add(1, Ordering::Relaxed);
                if steady.status.get(SILENT) {
                    let mut state = steady.state();
                    state.breaker.answered(self.spell);
                    steady.publish(&state);
                }
            }
        }
    }

    fn unanswered(&self, error: &Error) {
        if self.steady.answers.load(Ordering::Relaxed) == self.answers {
            self.steady.failed(self.spell, Failure::Unanswered(self.begun), error);
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // Who goes away early says nothing about the backend.
        if !self.is_over && self.kind == Kind::Quick && is_late() {
            self.unanswered(&Error::Timeout { limit: self.steady.limit });
        }
    }
}

/// A removal that is under way; kept when dropped before it is known to be done.
struct Removing<'a> {
    steady: &'a Steady,
    removal: Option<Removal>,
    begun: Mark,
}

impl Drop for Removing<'_> {
    fn drop(&mut self) {
        if let Some(removal) = self.removal.take() {
            self.steady.keep(removal);
        }
    }
}

impl Steady {
    /// The command, or at once an error while the backend is down.
    pub(super) async fn watched<T>(&self, command: impl Future<Output = Result<T>>) -> Result<T> {
        self.under_watch(Kind::Quick, command).await
    }

    /// The same of one that goes through all there is: that it takes long says nothing.
    pub(super) async fn walking<T>(&self, command: impl Future<Output = Result<T>>) -> Result<T> {
        self.under_watch(Kind::Walk, command).await
    }

    async fn under_watch<T>(&self, kind: Kind, command: impl Future<Output = Result<T>>) -> Result<T> {
        if self.status.is_down()
            && let Some(error) = self.refusal()
        {
            return Err(error);
        }
        let watch = Watch {
            steady: self,
            spell: self.status.spell(),
            begun: self.about_now(),
            kind,
            answers: self.answers.load(Ordering::Relaxed),
            is_over: false,
        };
        let outcome = command.await;
        watch.over(&outcome);
        outcome
    }

    /// The same for a command that removes: what fails is kept.
    pub(super) async fn removing<T>(
        &self,
        removal: Removal,
        command: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begun = self.state().kept.now();
        let kind = match &removal {
            Removal::Match(pattern) if !pattern.is_literal() => Kind::Walk,
            Removal::All => Kind::Walk,
            _ => Kind::Quick,
        };
        let mut removing = Removing { steady: self, removal: Some(removal), begun };
        let outcome = self.under_watch(kind, command).await;
        match &outcome {
            Ok(_) => removing.done(),
            // Asked once more it would be no other.
            Err(Error::Unsupported { .. } | Error::Config(_)) => removing.removal = None,
            Err(_) => {}
        }
        outcome
    }
}

impl Removing<'_> {
    fn done(&mut self) {
        if let Some(removal) = self.removal.take().filter(|_| self.steady.status.keeps()) {
            self.steady.repaid(&removal, self.begun);
        }
    }
}
