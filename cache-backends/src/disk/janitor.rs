//! Takes expired entries out although nobody reads them.

use std::sync::{Arc, Weak};

use cache_core::{Clock, Time, background};

use super::shard::Shard;
use super::store::Store;

/// Purges every `check_interval`, for as long as the store lives and wherever its threads are at work: a directory that
/// nobody uses is left alone.
pub(super) fn watch(store: &Arc<Store>, clock: Arc<dyn Clock>) {
    // Counted from here, so that no step of a manual clock goes unnoticed.
    let first = clock.now().after(store.check_interval);
    background::spawn(purge(Arc::downgrade(store), clock, first));
}

async fn purge(store: Weak<Store>, clock: Arc<dyn Clock>, mut due: Time) {
    loop {
        clock.sleep_until(due).await;
        let Some(store) = store.upgrade() else { return };
        due = clock.now().after(store.check_interval);
        if store.shards().iter().any(Shard::is_open) {
            // What fails here fails for commands too, and they tell.
            let _ = store.purge().await;
        }
    }
}
