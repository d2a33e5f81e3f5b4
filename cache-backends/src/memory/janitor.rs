//! Takes expired entries out although nobody reads them.
//!
//! One thread for all memory backends of the process, with a runtime of its own: the caller's may end, may have
//! no timers, or may not exist.

use std::sync::{Arc, OnceLock, Weak, mpsc};

use cache_core::{Clock, Time};
use tokio::runtime::{Builder, Handle};
use tokio::task::yield_now;

use super::shelf::STRIPES;
use super::store::Store;

/// Purges the store every `check_interval`, for as long as it lives. Without a thread to be had, nothing
/// happens: expired entries are still never shown, and the bounds still hold.
pub(super) fn watch(store: &Arc<Store>, clock: Arc<dyn Clock>) {
    static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
    if let Some(handle) = HANDLE.get_or_init(start) {
        // Counted from here, so that no step of a manual clock goes unnoticed.
        let first = clock.now().after(store.check_interval);
        handle.spawn(purge(Arc::downgrade(store), clock, first));
    }
}

fn start() -> Option<Handle> {
    let (send, receive) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("macadamia-janitor".into())
        .spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_time().build() else { return };
            if send.send(runtime.handle().clone()).is_ok() {
                runtime.block_on(std::future::pending::<()>());
            }
        })
        .ok()?;
    receive.recv().ok()
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
