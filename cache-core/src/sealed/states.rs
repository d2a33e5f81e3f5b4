//! States of guards, signed where the route has a secret: whoever writes to the server must not open a breaker, lift a
//! ban or take a lock.

use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::envelope::{Envelope, Unreadable};
use crate::key::Key;

/// A change of a signed state.
pub(super) struct Signed<'a> {
    change: &'a mut dyn Transition,
    envelope: &'a Envelope,
    key: &'a Key,
    refused: Option<Unreadable>,
}

impl<'a> Signed<'a> {
    pub(super) fn new(change: &'a mut dyn Transition, envelope: &'a Envelope, key: &'a Key) -> Self {
        Self { change, envelope, key, refused: None }
    }

    /// Why the state that was there is none, if it is.
    pub(super) const fn refused(&self) -> Option<Unreadable> {
        self.refused
    }
}

impl Transition for Signed<'_> {
    fn name(&self) -> &'static str {
        self.change.name()
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        // A backend may ask again, and about another state.
        self.refused = None;
        let opened = state.and_then(|kept| match self.envelope.open_state(self.key.as_str(), kept) {
            Ok(state) => Some(state),
            Err(why) => {
                self.refused = Some(why);
                None
            }
        });
        match self.change.step(opened, now) {
            Step::Put(state, until) => Step::Put(self.envelope.seal_state(self.key.as_str(), &state), until),
            other => other,
        }
    }
}
