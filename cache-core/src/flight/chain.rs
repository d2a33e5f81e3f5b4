//! Which computations the running code is part of: a function that asks for its own key must not wait for
//! itself.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::scope::Calm;

thread_local! {
    static CHAIN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

pin_project! {
    /// A body that runs as part of these computations.
    ///
    /// The mark is on the thread only while the body is polled, so it follows the task wherever it runs. It does
    /// not follow into tasks the body spawns; those wait at most as long as any other caller.
    ///
    /// Written by hand because an `async fn` would hold the body twice, and nested calls would double each time.
    #[derive(Debug)]
    pub struct Within<F> {
        ids: Vec<u64>,
        // Calls inside are to be answered from the cache again, though this one is a refresh.
        calm: Option<Calm>,
        #[pin]
        body: F,
    }
}

/// Runs `body` as part of the computations `ids`.
pub(crate) fn within<F: Future>(ids: Vec<u64>, calm: Option<Calm>, body: F) -> Within<F> {
    Within { ids, calm, body }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _mark = Mark::new(this.ids);
        let _scope = this.calm.as_ref().map(Calm::enter);
        this.body.poll(cx)
    }
}

/// Whether the running code is part of this computation.
pub(super) fn contains(id: u64) -> bool {
    CHAIN.with_borrow(|chain| chain.contains(&id))
}

/// All computations the running code is part of.
pub(super) fn current() -> Vec<u64> {
    CHAIN.with_borrow(Clone::clone)
}

/// How many there were before.
struct Mark(usize);

impl Mark {
    #[inline(never)]
    fn new(ids: &[u64]) -> Self {
        CHAIN.with_borrow_mut(|chain| {
            let before = chain.len();
            chain.extend_from_slice(ids);
            Self(before)
        })
    }
}

impl Drop for Mark {
    #[inline(never)]
    fn drop(&mut self) {
        CHAIN.with_borrow_mut(|chain| chain.truncate(self.0));
    }
}
