//! Annotated functions and commands over a backend of bytes that dies, hangs, refuses, and comes back.
//!
//! Time is in the hand of the test; what is done in the background is polled for, with a bound.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod down;
mod guards;
mod history;
mod kept;
#[path = "../support/mod.rs"]
mod support;
mod suppress;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, Error, Route, Scope, cached};
use support::Events;

/// Where the values come from.
#[derive(Default)]
pub(crate) struct Origin {
    runs: AtomicUsize,
    pub(crate) version: AtomicUsize,
}

impl Origin {
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }

    /// What it holds is another from now on.
    pub(crate) fn change(&self) {
        self.version.fetch_add(1, SeqCst);
    }
}

#[cached(ttl = "1h", key = "item:<id>", tags = ["items"])]
pub(crate) async fn item(id: u64, origin: &Origin) -> (u64, usize) {
    origin.runs.fetch_add(1, SeqCst);
    (id, origin.version.load(SeqCst))
}

/// A cache, the server at the other end of its wire, and the wire's faults.
pub(crate) struct Far {
    pub(crate) cache: Cache,
    pub(crate) wire: Wire,
    pub(crate) faults: Faults,
    pub(crate) clock: ManualClock,
    pub(crate) events: Events,
    pub(crate) origin: Arc<Origin>,
}

impl Far {
    pub(crate) async fn new() -> Self {
        Self::with(|route| route).await
    }

    pub(crate) async fn with(options: impl FnOnce(Route) -> Route) -> Self {
        let (wire, faults) = (Wire::new(), Faults::new());
        let route = options(Route::to(faults.wrap(wire.clone())));
        Self::on(route, wire, faults).await
    }

    /// With entries near, which the server tells of.
    pub(crate) async fn near() -> Self {
        let (wire, faults) = (Wire::new(), Faults::new());
        Self::on(Route::to(faults.wrap(wire.listener())), wire, faults).await
    }

    async fn on(route: Route, wire: Wire, faults: Faults) -> Self {
        let (clock, events) = (ManualClock::new(), Events::default());
        let builder = Cache::builder().route("", route).clock(clock.clone()).observer(events.clone());
        let cache = builder.build().await.unwrap();
        Self { cache, wire, faults, clock, events, origin: Arc::default() }
    }

    pub(crate) async fn run<F: Future>(&self, body: F) -> F::Output {
        Scope::new().cache(&self.cache).run(body).await
    }

    pub(crate) async fn item(&self, id: u64) -> (u64, usize) {
        self.run(item(id, &self.origin)).await
    }

    /// Another process on the same server, with a wire that works.
    pub(crate) async fn elsewhere(&self) -> Cache {
        Cache::builder().route("", self.wire.clone()).clock(self.clock.clone()).build().await.unwrap()
    }

    /// The server is away, or back.
    pub(crate) fn away(&self, is_away: bool) {
        self.faults.fail(is_away.then(|| Error::unavailable("wire", "connection refused")));
    }

    /// Lets time pass until it holds.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds().await {
            assert!(Instant::now() < deadline, "never: {what}");
            // Not while the background is at work.
            if self.clock.sleepers() > 0 {
                self.clock.advance(Duration::from_millis(20));
            }
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    /// Until the server is used again.
    pub(crate) async fn until_up(&self) {
        self.until("it is back", || async { self.cache.ping("").await.is_ok() }).await;
    }
}
