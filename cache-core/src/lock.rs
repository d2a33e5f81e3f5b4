//! Locks as decisions: what becomes of a lock when somebody takes, renews, releases or looks at it. No runtime, no
//! backend: a backend keeps the state and asks for one step at a time.
//!
//! Ends of leases are in the backend's own time, so what is told to waiters is how long a lease has left.

mod line;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

pub(crate) use line::{InLine, Leaving, freed, tell_all_freed, tell_freed};

use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::ttl::Ttl;

/// The reserved prefix of their states.
pub(crate) const PREFIX: &str = "lock:";

/// Whether it is the key of a lock, or a pattern of nothing else.
pub(crate) fn is_lock(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// How long the number of a lock is remembered that nobody holds: longer than a server's clock is ever set back.
const GRACE: Duration = Duration::from_secs(10);

/// The number of an acquisition: of two holders of one lock, the later has the greater.
///
/// Give it to what the lock protects and refuse there what comes with a smaller one: then a holder whose lease ran
/// out unnoticed can do no harm. It begins at the backend's time in nanoseconds, so it grows also when the backend
/// has forgotten the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// Of who holds nothing.
    pub(crate) const NONE: Self = Self(0);

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<Fence> for u64 {
    fn from(fence: Fence) -> Self {
        fence.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token that nobody else has: 128 bits out of hashes whose keys the operating system has drawn.
pub(crate) fn token() -> String {
    let hasher = RandomState::new();
    let half = |number: u8| hasher.hash_one((std::process::id(), std::thread::current().id(), number));
    format!("{:016x}{:016x}", half(0), half(1))
}

/// What somebody wants of a lock.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Take(Ttl),
    Renew(Ttl),
    Release,
    Look,
}

/// What the lock answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is the asker's, or was up to this release.
    Mine(Fence),
    /// It is somebody else's, for so long unless it is renewed; `None`: no end is known.
    Held(Option<Duration>),
    /// It is nobody's.
    Free,
}

/// One step of a lock.
#[derive(Debug)]
pub(crate) struct Change<'t> {
    ask: Ask,
    token: &'t str,
    told: Told,
}

impl<'t> Change<'t> {
    const fn new(ask: Ask, token: &'t str) -> Self {
        // What a backend says that never asks: not yours.
        Self { ask, token, told: Told::Held(None) }
    }

    pub(crate) const fn take(token: &'t str, lease: Ttl) -> Self {
        Self::new(Ask::Take(lease), token)
    }

    pub(crate) const fn renew(token: &'t str, lease: Ttl) -> Self {
        Self::new(Ask::Renew(lease), token)
    }

    pub(crate) const fn release(token: &'t str) -> Self {
        Self::new(Ask::Release, token)
    }

    pub(crate) const fn told(&self) -> Told {
        self.told
    }

    fn decide(&self, state: Option<&[u8]>, now: Time) -> (Told, Step) {
        let Some(state) = state.map_or(Some(State::default()), State::read) else {
            // Written by another program: theirs until their backend drops it.
            return (Told::Held(None), Step::Keep);
        };
        match (self.ask, state.holder.filter(|holder| holder.until > now)) {
            (Ask::Take(lease), None) => {
                let fence = (state.fence + 1).max(now.as_nanos());
                (Told::Mine(Fence(fence)), held(fence, self.token, lease, now))
            }
            (Ask::Renew(lease), Some(holder)) if holder.token == self.token.as_bytes() => {
                (Told::Mine(Fence(state.fence)), held(state.fence, self.token, lease, now))
            }
            (Ask::Release, Some(holder)) if holder.token == self.token.as_bytes() => {
                let free = State { fence: state.fence, holder: None };
                (Told::Mine(Fence(state.fence)), Step::Put(free.write(), now.after(GRACE)))
            }
            (_, Some(holder)) => (Told::Held(holder.left(now)), Step::Keep),
            (_, None) => (Told::Free, Step::Keep),
        }
    }
}

impl Change<'static> {
    pub(crate) const fn look() -> Self {
        Self::new(Ask::Look, "")
    }
}

impl Transition for Change<'_> {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let (told, step) = self.decide(state, now);
        self.told = told;
        step
    }
}

fn held(fence: u64, token: &str, lease: Ttl, now: Time) -> Step {
    let until = lease.expiry(now);
    let state = State { fence, holder: Some(Holder { until, token: token.as_bytes() }) };
    Step::Put(state.write(), until.after(GRACE))
}

/// Eight bytes of fence; if it is held, eight of the lease's end and the holder's token.
#[derive(Default)]
struct State<'a> {
    fence: u64,
    holder: Option<Holder<'a>>,
}

struct Holder<'a> {
    until: Time,
    token: &'a [u8],
}

impl<'a> State<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fence, rest) = bytes.split_first_chunk()?;
        let holder = match rest.split_first_chunk() {
            Some((until, token)) => {
                Some(Holder { until: Time::from_nanos(u64::from_le_bytes(*until)), token })
            }
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { fence: u64::from_le_bytes(*fence), holder })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = self.fence.to_le_bytes().to_vec();
        if let Some(holder) = &self.holder {
            bytes.extend_from_slice(&holder.until.as_nanos().to_le_bytes());
            bytes.extend_from_slice(holder.token);
        }
        bytes
    }
}

impl Holder<'_> {
    fn left(&self, now: Time) -> Option<Duration> {
        (self.until != Time::NEVER).then(|| self.until.since(now))
    }
}

#[cfg(test)]
mod tests;
