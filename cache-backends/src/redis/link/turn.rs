//! One at a time, and nobody for ever.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_core::{Clock, SystemClock};
use futures_util::future::{Either, select};
use tokio::sync::OwnedMutexGuard;

/// Who is at it. Whoever stands still meanwhile, with its runtime, keeps a turn that is worth nothing any more.
#[derive(Default)]
pub(super) struct Turn(Mutex<Arc<tokio::sync::Mutex<()>>>);

impl Turn {
    /// Waits until the others are done, or for so long.
    pub(super) async fn take(&self, limit: Duration) -> OwnedMutexGuard<()> {
        loop {
            let turn = Arc::clone(&*self.present());
            let patience = SystemClock.sleep_until(SystemClock.now().after(limit));
            match select(Box::pin(Arc::clone(&turn).lock_owned()), patience).await {
                Either::Left((taken, _)) => return taken,
                Either::Right(_) => {
                    let mut present = self.present();
                    if Arc::ptr_eq(&present, &turn) {
                        *present = Arc::default();
                    }
                }
            }
        }
    }

    /// From whoever has it, and from those who wait for it.
    pub(super) fn take_away(&self) {
        *self.present() = Arc::default();
    }

    fn present(&self) -> MutexGuard<'_, Arc<tokio::sync::Mutex<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_is_not_given_back_is_taken_away() {
        let turn = Turn::default();
        let kept = turn.take(Duration::from_secs(30)).await;
        let next = turn.take(Duration::from_millis(1)).await;
        turn.take_away();
        drop(turn.take(Duration::from_secs(30)).await);
        drop((kept, next));
    }
}
