//! The connections to one address, which one server answers at a time.
//!
//! A failover behind an address leaves the connections there were with the server that was the master: what one of them
//! hears of that goes for all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::wire::Life;

/// The connections to one address that are open.
#[derive(Default)]
pub(super) struct Company(Mutex<State>);

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
