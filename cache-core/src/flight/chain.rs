//! Which computations the running code is part of: a function that asks for its own key must not wait for
//! itself.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;

thread_local! {
    static CHAIN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Runs `body` as part of the computation `id`.
///
/// The mark is on the thread only while the body is polled, so it follows the task wherever it runs. It does
/// not follow into tasks the body spawns; those wait at most as long as any other caller.
pub(crate) async fn within<F: Future>(id: Option<u64>, body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|cx| {
        let _mark = id.map(Mark::new);
        body.as_mut().poll(cx)
    })
    .await
}

/// Whether the running code is part of this computation.
pub(super) fn contains(id: u64) -> bool {
    CHAIN.with_borrow(|chain| chain.contains(&id))
}

/// All computations the running code is part of.
pub(super) fn current() -> Vec<u64> {
    CHAIN.with_borrow(Clone::clone)
}

struct Mark;

impl Mark {
    fn new(id: u64) -> Self {
        CHAIN.with_borrow_mut(|chain| chain.push(id));
        Self
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        CHAIN.with_borrow_mut(Vec::pop);
    }
}
