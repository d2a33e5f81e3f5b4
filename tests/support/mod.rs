//! What the tests share: a cache of one's own on a clock in one's hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses some of it")]

use macadamia::testing::{Faults, ManualClock};
use macadamia::{Cache, Event, EventKind, Memory, Scope};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

/// A memory cache on a manual clock, and what happened in it.
pub struct Fixture {
    pub cache: Cache,
    pub clock: ManualClock,
    pub events: Events,
}

impl Fixture {
    /// On plain memory: hits are synchronous.
    pub async fn memory() -> Self {
        let (clock, events) = (ManualClock::new(), Events::default());
        let cache = Cache::builder()
            .route("", Memory::builder().build())
            .clock(clock.clone())
            .observer(events.clone())
            .build()
            .await
            .unwrap();
        Self { cache, clock, events }
    }

    /// On memory behind injected faults: every command takes the asynchronous way and gives way once
    /// before and after.
    pub async fn remote() -> (Self, Faults) {
        let (clock, events, faults) = (ManualClock::new(), Events::default(), Faults::new());
        faults.yields(1);
        let cache = Cache::builder()
            .route("", faults.wrap(Memory::builder().build()))
            .clock(clock.clone())
            .observer(events.clone())
            .build()
            .await
            .unwrap();
        (Self { cache, clock, events }, faults)
    }

    /// Runs a test body whose annotated functions use this cache.
    pub async fn run<F: Future>(&self, body: F) -> F::Output {
        Scope::new().cache(&self.cache).run(body).await
    }
}

/// Counts events by kind.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<HashMap<EventKind, usize>>>);

impl Events {
    pub fn count(&self, kind: EventKind) -> usize {
        self.0.lock().unwrap().get(&kind).copied().unwrap_or_default()
    }
}

impl macadamia::Observer for Events {
    fn on_event(&self, event: &Event<'_>) {
        *self.0.lock().unwrap().entry(event.kind).or_default() += 1;
    }
}

/// Gives way often enough that every task that can go on has gone on.
pub async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
