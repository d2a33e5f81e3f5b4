//! One quiet thread for what cannot wait on a caller's runtime: timers, purges, work a destructor leaves behind.
//!
//! A service may run several runtimes, one without timers, or none; nothing here may panic or stop when one
//! of them ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Handle};

use crate::clock::BoxFuture;

static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();

/// The runtime of the background thread; `None` if the machine refuses a thread.
pub(crate) fn handle() -> Option<&'static Handle> {
    HANDLE.get_or_init(start).as_ref()
}

fn start() -> Option<Handle> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("macadamia-background".into())
        .spawn(move || {
            // Sockets too, where a backend has any: what is cleaned up here may have to ask a server.
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            if send.send(runtime.handle().clone()).is_ok() {
                runtime.block_on(std::future::pending::<()>());
            }
        })
        .ok()?;
    receive.recv().ok()
}

/// Runs a future to its end in the background; `false` if the machine refuses a thread.
///
/// For backends and for clean-up. All of them share one thread: do not block it, do not compute on it, and
/// end when what you serve is gone (hold it by [`Weak`](std::sync::Weak)).
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> bool {
    // There are no threads where schedules are explored.
    #[cfg(all(test, shuttle))]
    return crate::sync::spawn(future);
    #[cfg(not(all(test, shuttle)))]
    handle().is_some_and(|handle| {
        drop(handle.spawn(future));
        true
    })
}

/// The same on the runtime of whoever calls, if there is one: a connection that is opened on the way lives where it is
/// used. It ends with that runtime.
pub(crate) fn spawn_here(future: impl Future<Output = ()> + Send + 'static) -> bool {
    #[cfg(all(test, shuttle))]
    return crate::sync::spawn(future);
    #[cfg(not(all(test, shuttle)))]
    match Handle::try_current() {
        Ok(here) => {
            drop(here.spawn(future));
            true
        }
        Err(_) => spawn(future),
    }
}

/// Does what a destructor leaves to be done: at once where that needs no waiting, as in this process's memory; else in the
/// background. A second panic while unwinding would end the process, so none comes out of here.
pub(crate) fn finish(mut future: BoxFuture<'static, ()>) {
    let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if let Ok(Poll::Pending) = catch_unwind(AssertUnwindSafe(poll)) {
        spawn(future);
    }
}
