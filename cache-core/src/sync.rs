//! What threads meet at: the standard library's, and where schedules are explored (`schedules.rs`) the same with a
//! point before and after at which another task may go on.

#[cfg(all(test, shuttle))]
pub(crate) mod explored;

#[cfg(all(test, shuttle))]
pub(crate) use explored::{Mutex, MutexGuard, atomic, spawn, thread_local};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::{
    sync::{Mutex, MutexGuard, atomic},
    thread_local,
};
