//! The connections to one address, which one server answers at a time.
//!
//! A failover behind an address leaves the connections there were with the server that was the master: what one of them
//! hears of that goes for all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cache_core::Time;

use super::life::Life;

/// How often the server is asked for the time, in nanoseconds: its clock may drift, or be set.
const EVERY: u64 = 60_000_000_000;

/// The connections to one address that are open.
#[derive(Default)]
pub(super) struct Company {
    state: Mutex<State>,
    /// When the server was last asked for the time.
    asked: AtomicU64,
}

#[derive(Default)]
struct State {
    lives: Vec<Weak<Life>>,
    /// Counts how often all were let go of.
    term: Term,
}

/// Between two failovers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Term(u64);

impl Company {
    /// Whether the server is to be asked for the time again; whoever is told so does.
    pub(super) fn is_time_due(&self, now: Time) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let is_due = now.as_nanos().abs_diff(asked) >= EVERY;
        is_due
            && self
                .asked
                .compare_exchange(asked, now.as_nanos(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// It was asked.
    pub(super) fn time_was_asked(&self, now: Time) {
        self.asked.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// To be remembered before a connection is opened.
    pub(super) fn term(&self) -> Term {
        self.state().term
    }

    /// Takes in a connection that was opened in this term; `false` if that is over, and the connection leads to who was
    /// the master.
    pub(super) fn join(&self, life: &Arc<Life>, term: Term) -> bool {
        let mut state = self.state();
        state.lives.retain(|life| life.strong_count() > 0);
        if state.term == term {
            state.lives.push(Arc::downgrade(life));
        }
        state.term == term
    }

    /// Nothing more is asked on any of them; whoever waits for an answer gets it.
    pub(super) fn retire(&self) {
        let lives = {
            let mut state = self.state();
            state.term.0 += 1;
            std::mem::take(&mut state.lives)
        };
        lives.iter().filter_map(Weak::upgrade).for_each(|life| life.retire());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
