//! Small states that are changed atomically and never make room for values: locks, limits, breakers.

use crate::clock::Time;

/// One step of a state: a pure function of the state and the time. Where a backend compares and sets, it may be
/// asked more than once; the last answer is what happened.
pub trait Transition: Send {
    /// Which kind of state it is. A backend with scripts of its own knows them by this.
    fn name(&self) -> &'static str;

    /// What becomes of `state` at `now`; `None` is the state of a key that has none.
    ///
    /// `now` is the backend's own time, on which all who share it agree, and no other clock's. So a state may hold times
    /// of it, and nothing but durations goes from one to the other.
    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step;
}

/// What becomes of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It stays.
    Keep,
    /// It becomes this, until then: by the backend's own time.
    Put(Vec<u8>, Time),
    /// It is gone.
    Remove,
}
