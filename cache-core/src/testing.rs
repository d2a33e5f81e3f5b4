//! What tests of cached code need: a clock that moves when told to, a backend that fails when told to, and
//! cancellation at an exact point. And what backends need: the suite that each must pass, and a plain one to
//! compare with.

mod cancel;
mod clock;
pub mod conformance;
mod faults;
mod listener;
mod wire;

pub use cancel::drop_after;
pub use clock::ManualClock;
pub use faults::{Faults, Faulty};
pub use listener::Listener;
pub use wire::Wire;

#[doc(inline)]
pub use crate::__conformance as conformance;
