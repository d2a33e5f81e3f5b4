//! What the tests share: a cache of one's own on a clock in one's hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses some of it")]

pub mod beside;
pub mod echo;
pub mod gate;
pub mod process;

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

    /// On memory that no thread of its own sleeps for, plain and behind a backend that gives way: the only sleepers
    /// on its clock are those of the test.
    pub async fn quiet() -> [Self; 2] {
        let memory = || Memory::builder().check_interval(std::time::Duration::ZERO).build();
        let faults = Faults::new();
        faults.yields(1);
        let (one, other) = (Cache::builder().route("", memory()), faults.wrap(memory()));
        let mut fixtures = Vec::new();
        for builder in [one, Cache::builder().route("", other)] {
            let (clock, events) = (ManualClock::new(), Events::default());
            let cache = builder.clock(clock.clone()).observer(events.clone()).build().await.unwrap();
            fixtures.push(Self { cache, clock, events });
        }
        fixtures.try_into().ok().unwrap()
    }

    /// On a server of bytes.
    pub async fn wire() -> Self {
        let (clock, events) = (ManualClock::new(), Events::default());
        let builder = Cache::builder().route("", macadamia::testing::Wire::new());
        let cache = builder.clock(clock.clone()).observer(events.clone()).build().await.unwrap();
        Self { cache, clock, events }
    }

    /// On a server of bytes whose entries are kept near.
    pub async fn near() -> Self {
        let (clock, events) = (ManualClock::new(), Events::default());
        let builder = Cache::builder().route("", macadamia::testing::Wire::new().listener());
        let cache = builder.clock(clock.clone()).observer(events.clone()).build().await.unwrap();
        Self { cache, clock, events }
    }

    /// One of each kind.
    pub async fn each() -> [Self; 4] {
        [Self::memory().await, Self::remote().await.0, Self::wire().await, Self::near().await]
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

/// Waits for a release of the lock `k` that is on its way in the background.
pub async fn until_free(cache: &Cache) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while cache.is_locked("k").await.unwrap() {
        assert!(std::time::Instant::now() < deadline, "the lock was not released");
        tokio::task::yield_now().await;
    }
}
