//! Small states that are changed atomically and never make room for values: locks, limits, breakers.

use crate::clock::Time;

/// One step of a state: a pure function of the state and the time. Where a backend compares and sets, it may be
/// asked more than once; the last answer is what happened.
pub trait Transition: Send {
    /// Which kind of state it is. A backend with scripts of its own knows them by this.
    fn name(&self) -> &'static str;

    /// What becomes of `state` at `now`; `None` is the state of a key that has none.
    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step;
}

/// What becomes of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It stays.
    Keep,
    /// It becomes this, until then.
    Put(Vec<u8>, Time),
    /// It is gone.
    Remove,
}
