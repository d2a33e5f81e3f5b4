//! Takes expired entries out although nobody reads them.
//!
//! In the background of the process: the caller's runtime may end, or may not exist.

use std::sync::{Arc, Weak};

use cache_core::{Clock, Time, background};
use tokio::task::yield_now;

use super::shelf::STRIPES;
use super::store::Store;

/// Purges the store every `check_interval`, for as long as it lives. Without a thread to be had, nothing
/// happens: expired entries are still never shown, and the bounds still hold.
pub(super) fn watch(store: &Arc<Store>, clock: Arc<dyn Clock>) {
    // Counted from here, so that no step of a manual clock goes unnoticed.
    let first = clock.now().after(store.check_interval);
    background::spawn(purge(Arc::downgrade(store), clock, first));
}

async fn purge(store: Weak<Store>, clock: Arc<dyn Clock>, mut due: Time) {
    loop {
        clock.sleep_until(due).await;
        let Some(store) = store.upgrade() else { return };
        let now = clock.now();
        for stripe in 0..STRIPES {
            store.purge(stripe, now);
            yield_now().await;
        }
        due = now.after(store.check_interval);
    }
}
