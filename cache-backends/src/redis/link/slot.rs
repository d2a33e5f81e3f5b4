//! A place for one connection: opened when it is first needed, and again when it was lost.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cache_core::{BoxFuture, Result};
use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::sync::oneshot;

use super::setup::Peer;
use super::wire::Wire;
use crate::redis::fault;

/// A place for one connection.
#[derive(Default)]
pub(super) struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    stage: Stage,
    /// The last connection that was here, until it is known to be ended.
    predecessor: Option<Peer>,
    /// Counts closings: what was being opened before one is not wanted any more.
    era: u64,
    /// How many attempts there have been.
    attempts: u64,
}

#[derive(Default)]
enum Stage {
    #[default]
    Closed,
    Opening(Opening, Instant),
    Open(Arc<Wire>),
}

/// An attempt that goes on whether or not somebody waits for it.
type Opening = Shared<BoxFuture<'static, Result<Arc<Wire>>>>;

/// What to do to get a connection.
pub(super) enum Found {
    Wire(Arc<Wire>),
    /// For no longer than this.
    Wait(Opening, Duration),
    /// Nobody is opening it: whoever is told this does.
    Open(Attempt),
}

/// The one attempt there is.
pub(super) struct Attempt {
    pub(super) predecessor: Option<Peer>,
    /// Whether one before it came to no end: its runtime stands still.
    pub(super) is_in_place: bool,
    era: u64,
    number: u64,
    told: oneshot::Sender<Result<Arc<Wire>>>,
}

impl Slot {
    /// The connection if it is open.
    pub(super) fn wire(&self) -> Option<Arc<Wire>> {
        match &self.state().stage {
            Stage::Open(wire) => Some(Arc::clone(wire)),
            _ => None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state().stage, Stage::Closed)
    }

    /// The connection, or how to come to one; an attempt may take for as long as `limit`.
    pub(super) fn find(&self, limit: Duration) -> Found {
        let mut state = self.state();
        let mut is_in_place = false;
        match &state.stage {
            Stage::Open(wire) if wire.is_usable() => return Found::Wire(Arc::clone(wire)),
            Stage::Opening(opening, since) => match limit.checked_sub(since.elapsed()) {
                Some(left) => return Found::Wait(opening.clone(), left),
                None => is_in_place = true,
            },
            Stage::Open(wire) => state.predecessor = wire.to_be_ended().cloned(),
            Stage::Closed => {}
        }
        let (told, opened) = oneshot::channel();
        let opened: BoxFuture<'static, _> = Box::pin(async move {
            opened
                .await
                .unwrap_or_else(|_| Err(fault::unreachable("the runtime that was connecting has ended")))
        });
        state.stage = Stage::Opening(opened.shared(), Instant::now());
        state.attempts += 1;
        let (predecessor, era, number) = (state.predecessor.clone(), state.era, state.attempts);
        Found::Open(Attempt { predecessor, is_in_place, era, number, told })
    }

    /// The end of an attempt, told to all who wait for it.
    pub(super) fn settle(&self, attempt: Attempt, opened: Result<Arc<Wire>>) {
        let mut state = self.state();
        if state.attempts != attempt.number {
            // Another was made in its place, and what is asked there must not be mixed with what is asked here.
            drop(state);
            let _ = attempt.told.send(Err(fault::unreachable("it took too long to connect")));
            return;
        }
        if state.era == attempt.era {
            state.stage = match &opened {
                Ok(wire) => Stage::Open(Arc::clone(wire)),
                Err(_) => Stage::Closed,
            };
            if opened.is_ok() {
                state.predecessor = None;
            }
        } else if let Ok(wire) = &opened {
            // Whoever waits for it will use it once more.
            state.predecessor = wire.to_be_ended().cloned();
        }
        drop(state);
        let _ = attempt.told.send(opened);
    }

    /// Puts the place back as it was if an attempt ended without an answer.
    pub(super) fn is_stuck(&self, opening: &Opening) -> bool {
        let mut state = self.state();
        let is_this = matches!(&state.stage, Stage::Opening(present, _) if present.ptr_eq(opening));
        if is_this {
            state.stage = Stage::Closed;
        }
        is_this
    }

    /// Whether something else has taken its place.
    pub(super) fn is_over(&self, opening: &Opening) -> bool {
        match &self.state().stage {
            Stage::Opening(present, _) => !present.ptr_eq(opening),
            Stage::Open(_) => true,
            Stage::Closed => false,
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        if let Stage::Open(wire) = &state.stage {
            state.predecessor = wire.to_be_ended().cloned();
        }
        state.stage = Stage::Closed;
        state.era += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("wire", &self.wire()).finish_non_exhaustive()
    }
}
