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

/// A command that is under way.
struct Watch<'a> {
    steady: &'a Steady,
    spell: Spell,
    begun: Time,
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
            _ if self.steady.status.get(SILENT) => {
                let mut state = self.steady.state();
                state.breaker.answered(self.spell);
                self.steady.publish(&state);
            }
            _ => {}
        }
    }

    fn unanswered(&self, error: &Error) {
        self.steady.failed(self.spell, Failure::Unanswered(self.begun), error);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // Who goes away early says nothing about the backend.
        if !self.is_over && is_late() {
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
        if self.status.is_down()
            && let Some(error) = self.refusal()
        {
            return Err(error);
        }
        let watch =
            Watch { steady: self, spell: self.status.spell(), begun: self.about_now(), is_over: false };
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
        let mut removing = Removing { steady: self, removal: Some(removal), begun };
        let outcome = self.watched(command).await;
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
