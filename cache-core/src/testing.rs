//! What tests of cached code need: a clock that moves when told to, a backend that fails when told to, and
//! cancellation at an exact point.

mod cancel;
mod clock;
mod faults;

pub use cancel::drop_after;
pub use clock::ManualClock;
pub use faults::{Faults, Faulty};
