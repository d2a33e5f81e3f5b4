//! The two ways to be in a flight, each a guard that leaves it properly whatever happens.

use std::future::Future;
use std::sync::Arc;

use super::waits::Edge;
use super::{Answer, Flight, Flights, Phase};
use crate::clock::Time;
use crate::entry::Entry;
use crate::event::EventKind;

/// The right and duty to compute.
pub(crate) struct Leader {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    landed: bool,
}

impl Leader {
    pub(super) fn new(flights: Arc<Flights>, flight: Arc<Flight>) -> Self {
        Self { flights, flight, landed: false }
    }

    /// The flight's number, for the chain of computations a task is in.
    pub(crate) fn id(&self) -> u64 {
        self.flight.id
    }

    /// Lets nobody join any more; tells whether somebody waits. For answers that will not be stored.
    pub(crate) fn close(&self) -> bool {
        self.flights.remove(&self.flight);
        self.flight.state().waiters > 0
    }

    /// Gives everybody what was computed.
    pub(crate) fn answer(self, entry: Option<Arc<Entry>>, is_makeshift: bool) {
        let answer = |entry| Phase::Answered(Answer { entry, kind: EventKind::Joined, is_makeshift });
        self.land(entry.map_or(Phase::Over, answer));
    }

    /// Gives everybody what was stored already.
    pub(crate) fn found(self, entry: Arc<Entry>) {
        self.land(Phase::Answered(Answer { entry, kind: EventKind::Hit, is_makeshift: false }));
    }

    /// Gives everybody this answer.
    pub(crate) fn give(self, answer: Answer) {
        self.land(Phase::Answered(answer));
    }

    fn land(mut self, phase: Phase) {
        self.landed = true;
        let before = self.flights.update(&self.flight, |state| {
            state.running -= 1;
            std::mem::replace(&mut state.phase, phase)
        });
        self.flight.changed.notify_waiters();
        // Dropped outside the locks: another leader's answer may be in it, with a destructor of the user's.
        drop(before);
    }

    /// Ends with an error that cannot be shared: once all who lead now are done, twice as many may.
    pub(crate) fn fail(mut self) {
        self.landed = true;
        let wake = self.flights.update(&self.flight, |state| {
            state.running -= 1;
            if state.running > 0 || !matches!(state.phase, Phase::Open) {
                return 0;
            }
            state.width = state.width.saturating_mul(2);
            state.permits = state.width.min(state.waiters);
            state.permits
        });
        for _ in 0..wake {
            self.flight.changed.notify_one();
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        // Dropped at an await point, or unwinding: one of the others takes this one's place.
        self.flights.update(&self.flight, |state| {
            state.running -= 1;
            state.permits += 1;
        });
        self.flight.changed.notify_one();
    }
}

/// How a wait ended.
pub(crate) enum Landing {
    /// The leader's answer.
    Answer(Answer),
    /// The leader is gone; this caller leads now.
    Lead(Leader),
    /// The flight ended without an answer to share: ask anew.
    Again,
    /// The wait took as long as it may.
    Expired,
}

/// A place among those who wait.
pub(crate) struct Waiter {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    _edge: Option<Edge>,
}

impl Waiter {
    pub(super) fn new(flights: Arc<Flights>, flight: Arc<Flight>, edge: Option<Edge>) -> Self {
        Self { flights, flight, _edge: edge }
    }

    /// When the computation began.
    pub(crate) fn started(&self) -> Time {
        self.flight.started
    }

    /// Lets nobody join this flight any more, so that its key can be begun anew.
    pub(crate) fn abandon(&self) {
        self.flights.remove(&self.flight);
    }

    /// Waits for an answer, a lead, or the end of `patience`.
    pub(crate) async fn land(&self, patience: impl Future<Output = ()>) -> Landing {
        let mut patience = std::pin::pin!(patience);
        loop {
            let mut changed = std::pin::pin!(self.flight.changed.notified());
            // Registered before looking, so that no change falls between.
            changed.as_mut().enable();
            if let Some(landing) = self.look() {
                return landing;
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = patience.as_mut() => return Landing::Expired,
            }
        }
    }

    fn look(&self) -> Option<Landing> {
        let mut state = self.flight.state();
        match &state.phase {
            Phase::Answered(answer) => return Some(Landing::Answer(answer.clone())),
            Phase::Over => return Some(Landing::Again),
            Phase::Open => {}
        }
        if state.permits == 0 {
            return None;
        }
        state.permits -= 1;
        state.running += 1;
        drop(state);
        Some(Landing::Lead(Leader::new(Arc::clone(&self.flights), Arc::clone(&self.flight))))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.flights.update(&self.flight, |state| state.waiters -= 1);
    }
}
