//! What tests of cached code need: a clock that moves when told to.

mod clock;

pub use clock::ManualClock;
