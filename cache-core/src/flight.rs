//! Single flight: of all callers that miss one key, one computes and the others wait for its answer.
//!
//! A *flight* is one computation of one key that callers may share. Its *leader* computes; it holds a guard,
//! and whatever ends the leader (an answer, an error, a panic, being dropped at any await point) goes
//! through that guard. Waiters then take the answer, or one of them takes over.
//!
//! ```text
//!            leader answers ────────────► all waiters have it, the flight is over
//! running ─┬─ leader is dropped, panics ─► one waiter leads
//!          └─ leader fails, and its error cannot be shared ─► 2 waiters lead, then 4, then 8, …
//! ```

mod chain;
mod guard;
mod shard;
mod waits;

use std::any::TypeId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use tokio::sync::Notify;

pub use chain::Within;
pub(crate) use chain::{Makeshift, Mark, fell_back, holds, is_beside, locks, within};
pub(crate) use guard::{Landing, Leader, Waiter};

use crate::clock::Time;
use crate::entry::Entry;
use crate::event::EventKind;
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::scope::Circle;
use crate::sync::{Mutex, MutexGuard};
use shard::Shard;

const SHARDS: usize = 64;

/// The computations under way in one cache.
pub(crate) struct Flights {
    shards: [Mutex<Shard>; SHARDS],
}

/// One computation under way.
pub(crate) struct Flight {
    id: u64,
    key: Key,
    /// Who may join.
    circle: Circle,
    /// Functions of different value types do not share, even under one key.
    answer: TypeId,
    /// Deleting one of these ends what may be joined.
    tags: Box<[Key]>,
    started: Time,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    phase: Phase,
    /// Leaders at work.
    running: usize,
    /// Leads that waiters may take.
    permits: usize,
    /// How many may lead at once after the next failure.
    width: usize,
    waiters: usize,
}

enum Phase {
    Open,
    /// Over, with an answer for all.
    Answered(Answer),
    /// Over; who still waits asks again.
    Over,
}

/// An answer for all who wait.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) entry: Arc<Entry>,
    /// What it makes of the calls that get it.
    pub(crate) kind: EventKind,
    /// Whether it is made of a fallback.
    pub(crate) is_makeshift: bool,
}

/// What a caller that misses is to do.
pub(crate) enum Join {
    /// Compute, and answer to the others.
    Lead(Leader),
    /// Wait for the leader.
    Wait(Waiter),
    /// Compute without sharing: another type is being computed under this key, or waiting would close a
    /// circle of waiters.
    Alone,
    /// Compute without sharing: the caller is itself part of this key's computation.
    Recursion,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number for callers that hold several computations and wait for others, all together.
pub(crate) fn group() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Records that a computation goes on only when all the waits of `group` are over. `None`: one of them waits for it.
pub(crate) fn hold(flight: u64, group: u64) -> Option<Hold> {
    waits::waits().register(&[flight], group).flatten().map(Hold)
}

/// A recorded hold; forgotten when dropped.
pub(crate) struct Hold(#[expect(dead_code, reason = "kept for its drop")] waits::Edge);

impl Flights {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Joins the computation of `key` in this circle, or begins it.
    pub(crate) fn join(
        self: &Arc<Self>,
        key: &Key,
        circle: Circle,
        answer: TypeId,
        tags: &[Key],
        now: Time,
    ) -> Join {
        let mut shard = self.shard(key.hash());
        let Some(flight) = shard.get(key, circle) else {
            return Join::Lead(self.begin(&mut shard, key, circle, answer, tags, now));
        };
        if chain::contains(flight.id) {
            return Join::Recursion;
        }
        if flight.answer != answer {
            return Join::Alone;
        }
        let flight = Arc::clone(flight);
        // Still under the shard's lock: a flight in the table is never over.
        let mut state = flight.state();
        if state.permits > 0 {
            state.permits -= 1;
            state.running += 1;
            drop(state);
            return Join::Lead(Leader::new(Arc::clone(self), flight));
        }
        let Some(edge) = waits::waits().register(&chain::current(), flight.id) else { return Join::Alone };
        state.waiters += 1;
        drop(state);
        Join::Wait(Waiter::new(Arc::clone(self), flight, edge))
    }

    /// Begins the computation of `key`, unless somebody has.
    pub(crate) fn try_lead(
        self: &Arc<Self>,
        key: &Key,
        circle: Circle,
        answer: TypeId,
        tags: &[Key],
        now: Time,
    ) -> Option<Leader> {
        let mut shard = self.shard(key.hash());
        let free = shard.get(key, circle).is_none();
        free.then(|| self.begin(&mut shard, key, circle, answer, tags, now))
    }

    fn begin(
        self: &Arc<Self>,
        shard: &mut Shard,
        key: &Key,
        circle: Circle,
        answer: TypeId,
        tags: &[Key],
        now: Time,
    ) -> Leader {
        let flight = Arc::new(Flight {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            key: key.clone(),
            circle,
            answer,
            tags: tags.into(),
            started: now,
            state: Mutex::new(State { phase: Phase::Open, running: 1, permits: 0, width: 1, waiters: 0 }),
            changed: Notify::new(),
        });
        shard.insert(Arc::clone(&flight));
        Leader::new(Arc::clone(self), flight)
    }

    /// Lets nobody join the computation of `key` that is under way; who is in it stays.
    pub(crate) fn abandon(&self, key: KeyRef<'_>) {
        // Owned lookup keys are made only where something is in flight.
        let mut shard = self.shard(key.hash());
        if shard.len() > 0 {
            shard.remove_key(&key.to_key());
        }
    }

    /// The same for every key that matches.
    pub(crate) fn abandon_match(&self, pattern: &Pattern) {
        for shard in &self.shards {
            lock(shard).retain(|flight| !pattern.matches(flight.key.as_str()));
        }
    }

    /// The same for every key whose computation carries one of these tags.
    pub(crate) fn abandon_tags(&self, tags: &[Key]) {
        for shard in &self.shards {
            lock(shard).retain(|flight| !flight.tags.iter().any(|tag| tags.contains(tag)));
        }
    }

    /// The same for every computation of which key and tags say so.
    pub(crate) fn abandon_where(&self, goes: impl Fn(&Key, &[Key]) -> bool) {
        for shard in &self.shards {
            lock(shard).retain(|flight| !goes(&flight.key, &flight.tags));
        }
    }

    /// The same for all keys.
    pub(crate) fn abandon_all(&self) {
        for shard in &self.shards {
            lock(shard).retain(|_| false);
        }
    }

    /// How many keys are being computed.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The top bits: the table below uses the others.
        lock(&self.shards[(hash >> 58) as usize % SHARDS])
    }

    /// Takes the flight out of the table, unless another took its place.
    fn remove(&self, flight: &Arc<Flight>) {
        self.shard(flight.key.hash()).remove(flight);
    }

    /// Changes the flight's state, under the locks that joining takes, and drops it from the table once it is
    /// over or nobody is left in it.
    fn update<T>(&self, flight: &Arc<Flight>, change: impl FnOnce(&mut State) -> T) -> T {
        let mut shard = self.shard(flight.key.hash());
        let mut state = flight.state();
        let out = change(&mut state);
        let empty = state.running == 0 && state.waiters == 0;
        if empty || !matches!(state.phase, Phase::Open) {
            shard.remove(flight);
        }
        out
    }
}

impl Flight {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
