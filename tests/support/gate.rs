//! A place in a function where it stands until the test lets it go on.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Closed at first.
pub struct Gate {
    entered: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
    open: Semaphore,
}

impl Gate {
    pub const fn closed() -> Self {
        Self {
            entered: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            open: Semaphore::const_new(0),
        }
    }

    pub fn opened() -> Self {
        let gate = Self::closed();
        gate.open();
        gate
    }

    /// Goes through, once it is open, giving way on the way.
    pub async fn pass(&self) {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        self.entered.fetch_add(1, SeqCst);
        self.most.fetch_max(self.inside.fetch_add(1, SeqCst) + 1, SeqCst);
        let _leave = Leave(&self.inside);
        drop(self.open.acquire().await.unwrap());
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }

    /// For all who come, and who stand there.
    pub fn open(&self) {
        self.open.add_permits(1000);
    }

    /// How many came to it.
    pub fn entered(&self) -> usize {
        self.entered.load(SeqCst)
    }

    /// How many were in it at once, at most.
    pub fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    /// Waits until so many have come to it.
    pub async fn until(&self, entered: usize) {
        until(|| self.entered() >= entered, "nobody comes to the gate").await;
    }
}

/// Waits for what another thread is about to do.
pub async fn until(mut is: impl FnMut() -> bool, otherwise: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is() {
        assert!(Instant::now() < deadline, "{otherwise}");
        tokio::task::yield_now().await;
    }
}
