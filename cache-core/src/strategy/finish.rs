//! Work that is not cut off: what its owner leaves undone is done in the background.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::background;
use crate::clock::BoxFuture;

/// A future that, once begun, comes to its end also when it is dropped; its output is dropped then.
///
/// So a step of a shared state is never half taken: whoever took it and is cancelled while the answer is on its way
/// still tells of it, and gives back what it was given.
pub struct Finish<T: Send + Unpin + 'static> {
    /// What needed no waiting.
    done: Option<T>,
    work: Option<BoxFuture<'static, T>>,
    begun: bool,
}

impl<T: Send + Unpin + 'static> Finish<T> {
    /// Done already.
    pub(super) const fn done(output: T) -> Self {
        Self { done: Some(output), work: None, begun: true }
    }

    /// Not begun: dropped before its first poll, nothing happens.
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { done: None, work: Some(Box::pin(work)), begun: false }
    }

    /// Begun already: dropped at once, it is done now, and in the background what has to wait.
    pub(super) fn begun(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { done: None, work: Some(Box::pin(work)), begun: true }
    }
}

impl<T: Send + Unpin + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if let Some(output) = self.done.take() {
            return Poll::Ready(output);
        }
        self.begun = true;
        // Taken out meanwhile: work that panics is not begun again.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + Unpin + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.begun) else { return };
        background::finish(Box::pin(async move {
            drop(work.await);
        }));
    }
}

impl<T: Send + Unpin + 'static> fmt::Debug for Finish<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").field("begun", &self.begun).finish_non_exhaustive()
    }
}
