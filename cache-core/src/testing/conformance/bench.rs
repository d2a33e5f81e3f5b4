//! A backend and the time it lives by.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Capability;
use crate::backend::{Backend, Form};
use crate::clock::{Clock, SystemClock, Time};
use crate::coder::Coding;
use crate::entry::{Entry, Kind, Meta, Payload};
use crate::envelope::Envelope;
use crate::error::Result;
use crate::key::Key;
use crate::sealed::Sealed;
use crate::testing::ManualClock;

/// How often an entry may be replaced under the eyes of a reader.
const LOOKS: usize = 1_000;

/// How late a backend on its own clock may be.
const MARGIN: Duration = Duration::from_millis(150);

#[derive(Clone)]
pub(super) struct Bench {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) missing: Vec<Capability>,
    time: Hand,
}

/// The clock, in a hand or not.
#[derive(Clone)]
enum Hand {
    Manual(ManualClock),
    Real,
}

/// What the backend answered; an error is a failed check.
pub(super) trait Answer<T> {
    fn of(self, verb: &str) -> T;
}

impl<T> Answer<T> for Result<T> {
    #[track_caller]
    fn of(self, verb: &str) -> T {
        self.unwrap_or_else(|error| {
            panic!("`{verb}` failed: {error}. What a backend lacks by design is told by `without = […]`")
        })
    }
}

impl Bench {
    pub(super) fn new(backend: Arc<dyn Backend>, missing: &[Capability], real_time: bool) -> Self {
        let time = if real_time { Hand::Real } else { Hand::Manual(ManualClock::new()) };
        let backend = Sealed::around(backend, Envelope::new(), None);
        let bench = Self { backend, missing: missing.to_vec(), time };
        bench.backend.attach(&bench.clock());
        bench
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match &self.time {
            Hand::Manual(clock) => Arc::new(clock.clone()),
            Hand::Real => Arc::new(SystemClock),
        }
    }

    // ── Time ──

    pub(super) fn now(&self) -> Time {
        self.clock().now()
    }

    pub(super) const fn is_real_time(&self) -> bool {
        matches!(self.time, Hand::Real)
    }

    /// A life that is short for the check and long for the backend.
    pub(super) const fn life(&self) -> Duration {
        if self.is_real_time() { Duration::from_millis(600) } else { Duration::from_secs(5) }
    }

    /// Lets a part of `life` pass: all but a nanosecond where time is in the hand.
    pub(super) async fn almost(&self, life: Duration) {
        match &self.time {
            Hand::Manual(clock) => clock.advance(life.saturating_sub(Duration::from_nanos(1))),
            Hand::Real => tokio::time::sleep(life / 4).await,
        }
    }

    /// Lets the rest of it pass.
    pub(super) async fn rest(&self, life: Duration) {
        match &self.time {
            Hand::Manual(clock) => clock.advance(Duration::from_nanos(1)),
            Hand::Real => tokio::time::sleep(life * 3 / 4 + MARGIN).await,
        }
    }

    /// Lets all of it pass.
    pub(super) async fn pass(&self, life: Duration) {
        self.almost(life).await;
        self.rest(life).await;
    }

    /// How often to try what is a matter of luck: servers are slower.
    pub(super) const fn rounds(&self, rounds: usize) -> usize {
        if self.is_real_time() { rounds.div_ceil(10) } else { rounds }
    }

    // ── Entries ──

    /// A value that never expires.
    pub(super) fn entry(&self, value: &str) -> Arc<Entry> {
        self.entry_for(value, None)
    }

    pub(super) fn entry_for(&self, value: &str, life: Option<Duration>) -> Arc<Entry> {
        let now = self.now();
        self.entry_with(value, Meta::new(now, life.map_or(Time::NEVER, |life| now.after(life))))
    }

    /// In the form that the backend keeps.
    pub(super) fn entry_with(&self, value: &str, meta: Meta) -> Arc<Entry> {
        let entry = match (self.backend.form(), meta.kind) {
            (Form::Objects, Kind::Value) => Entry::new(value.to_owned(), meta),
            (Form::Objects, _) => Entry::new((), meta),
            (Form::Bytes, Kind::Value) => {
                Coding::of::<String>().encode(&Entry::new(value.to_owned(), meta)).of("encoding")
            }
            (Form::Bytes, _) => Entry::new(Payload::nothing(), meta),
        };
        if self.backend.weighs() { entry.weigh(value.len() + 24) } else { entry }
    }

    /// The entry, if a cache would take it for one.
    pub(super) async fn living(&self, key: &str) -> Option<Arc<Entry>> {
        let key = Key::from(key);
        for _ in 0..LOOKS {
            let entry = self.backend.get(&key).await.of("get")?;
            if self.is_valid(&entry).await {
                return Some(entry);
            }
            // One that was replaced meanwhile is dead, and the next one there already.
            if !entry.is_dead() {
                return None;
            }
        }
        panic!("`get` shows an entry of {key:?} that has left the backend, again and again")
    }

    /// Whether it is neither expired nor of a deleted tag.
    pub(super) async fn is_valid(&self, entry: &Entry) -> bool {
        if !entry.is_alive_at(self.now()) {
            return false;
        }
        let asked: Vec<_> = entry.stamps().iter().filter(|stamp| !stamp.is_live()).collect();
        if asked.is_empty() {
            return true;
        }
        let tags: Vec<Key> = asked.iter().map(|stamp| stamp.tag().clone()).collect();
        let present = self.backend.generations(&tags).await.of("generations");
        must_eq!(present.len(), tags.len(), "`generations` must answer for each tag");
        asked.iter().zip(present).all(|(stamp, present)| present == Some(stamp.nonce()))
    }

    // ── Threads ──

    /// The same for several threads at once; what each answered.
    pub(super) async fn at_once<T, F, Fut>(&self, threads: usize, work: F) -> Vec<T>
    where
        T: Send + 'static,
        F: Fn(Self, usize) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = T>,
    {
        let (work, runtime) = (Arc::new(work), tokio::runtime::Handle::current());
        let start = Arc::new(std::sync::Barrier::new(threads));
        let begin = |thread| {
            let (bench, work, runtime) = (self.clone(), Arc::clone(&work), runtime.clone());
            let start = Arc::clone(&start);
            tokio::task::spawn_blocking(move || {
                start.wait();
                runtime.block_on(work(bench, thread))
            })
        };
        let threads: Vec<_> = (0..threads).map(begin).collect();
        let mut answers = Vec::new();
        for thread in threads {
            match thread.await {
                Ok(answer) => answers.push(answer),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        answers
    }
}
