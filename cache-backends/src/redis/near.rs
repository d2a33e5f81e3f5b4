//! Entries of the server near: decoded, in this process, ended by what the server tells.
//!
//! ```text
//! read ── mark(key) ─ GET ─ decode ─ keep(key, mark) ──► store ──► peek          no command
//!                                         ▲                ▲
//!                         refused: the epoch moved         ends: epochs, entries, tags
//!                                         └────────────────┴── pushes ([`ear`]), own writes ([`written`])
//! ```
//!
//! The server tells a connection once that a key has changed that was read on it, also that it expired or was evicted. What
//! must hold, and why it does:
//!
//! - **nothing is kept that changed while it was read**: whoever changes a key moves its [epoch](epochs) first and then
//!   takes it out of the store under the lock of its row; whoever keeps one compares the epoch under that lock;
//! - **who writes here sees nothing older afterwards**: what is told of own writes comes late or not at all (`NOLOOP`), so
//!   they [end](written) what is near before the command returns, also if it fails or is dropped;
//! - **nothing is shown that nobody would end**: with a connection goes what was read over it, so all is let go, and what
//!   is near is shown only while every connection is [known](trust) to stand: a second and a half after it has answered.

mod beat;
mod ear;
mod epochs;
mod tags;
mod trust;
mod written;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::{Clock, Entry, Key, KeyRef, Mark, Near, Pattern, Peek, Stamp, SystemClock};

use self::beat::{Pulse, Sweep};
use self::epochs::Epochs;
use self::tags::Tags;
use self::trust::Trust;
pub(super) use self::written::{What, Written};
use super::link::Link;
use crate::memory::shelf::stripe_of;
use crate::memory::slot::Lent;
use crate::memory::store::Store;

/// What is near, and what is known of it.
pub(super) struct Nearby {
    store: Store,
    epochs: Epochs,
    tags: Tags,
    trust: Trust,
    link: Arc<Link>,
    /// Whether anything was shown since this was last looked at.
    is_used: AtomicBool,
    /// Who is pinging.
    pulse: Arc<Pulse>,
    sweep: Sweep,
}

impl Nearby {
    /// With room for so many entries; listens to the link from its next connection on.
    pub(super) fn new(entries: u64, link: &Arc<Link>) -> Arc<Self> {
        let near = Arc::new(Self {
            store: Store::of_copies(entries),
            epochs: Epochs::default(),
            tags: Tags::default(),
            trust: Trust::default(),
            link: Arc::clone(link),
            is_used: AtomicBool::new(false),
            pulse: Arc::default(),
            sweep: Sweep::default(),
        });
        link.listen(Arc::new(ear::Ear(Arc::downgrade(&near))));
        near
    }

    pub(super) fn attach(&self, clock: &Arc<dyn Clock>) {
        let _ = self.store.clock.set(Arc::clone(clock));
    }

    /// Shows what is near, while it may be believed.
    #[inline]
    pub(super) fn peek(self: &Arc<Self>, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        if !self.trust.holds(SystemClock.coarse()) {
            self.wake();
            return Peek::Remote;
        }
        match self.store.look(Lent(key), |entry| show(entry)) {
            Some(()) => {
                self.note_use();
                Peek::Found
            }
            None => Peek::Remote,
        }
    }

    #[inline]
    fn note_use(&self) {
        // Written once between two beats, so that readers share the line.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }

    /// How many entries are near.
    pub(super) fn len(&self) -> usize {
        self.store.shelf.len()
    }

    /// The generations as they were read, each under the mark of before.
    pub(super) fn know(&self, tags: &[Key], marks: Vec<Option<Mark>>, nonces: &[Option<u64>]) {
        for ((tag, mark), nonce) in tags.iter().zip(marks).zip(nonces) {
            if let Some(mark) = mark {
                self.tags.know(tag, *nonce, || self.mark(tag) == Some(mark));
            }
        }
    }

    /// The key has changed.
    fn change(&self, key: KeyRef<'_>) {
        self.epochs.move_on(key.hash());
        // Whoever compared the epoch before it moved puts the entry there before this lock is free.
        drop(self.store.shelf.row_at(stripe_of(key.hash())));
        if self.store.shelf.read(Lent(key), |_| ()).is_some() {
            self.store.delete(&key.to_key());
        }
    }

    fn end_tag(&self, tag: &Key) {
        self.epochs.move_on(tag.hash());
        self.tags.end(tag);
    }

    /// Everything that matches has.
    fn change_match(&self, pattern: &Pattern) {
        self.epochs.move_all();
        self.store.delete_where(|key| pattern.matches(key.as_str()));
    }

    /// Everything has.
    fn change_all(&self) {
        self.epochs.move_all();
        self.store.clear();
        self.tags.end_all();
    }
}

impl Near for Nearby {
    /// Keys and tags share the epochs: a move too many refuses an entry, and no more.
    fn mark(&self, key: &Key) -> Option<Mark> {
        self.trust.is_told().then(|| self.epochs.mark(key.hash()))
    }

    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>) {
        self.store.put_if(key, entry, || self.mark(key) == Some(mark));
    }

    fn get(&self, key: KeyRef<'_>) -> Option<Arc<Entry>> {
        if !self.trust.holds(SystemClock.coarse()) {
            return None;
        }
        self.note_use();
        self.store.look(Lent(key), Arc::clone)
    }

    fn stamp(&self, tag: &Key, nonce: u64) -> Option<Stamp> {
        self.tags.stamp(tag, nonce)
    }
}

impl fmt::Debug for Nearby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nearby").field("len", &self.len()).field("trust", &self.trust).finish_non_exhaustive()
    }
}
