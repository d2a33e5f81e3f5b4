//! Cancellation, at an exact point.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Drives a future and drops it after its `polls`-th poll; its output if it was done by then.
///
/// Run with 0, 1, 2, … until it answers `Some`, this drops the future at every await point it has.
///
/// ```
/// use cache_core::testing::drop_after;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(drop_after(1, async { tokio::task::yield_now().await; 7 }).await, None);
/// assert_eq!(drop_after(2, async { tokio::task::yield_now().await; 7 }).await, Some(7));
/// # });
/// ```
pub async fn drop_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
