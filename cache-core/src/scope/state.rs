//! What holds where: one flat record per scope, with all it inherits, found through the thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::cache::Cache;
use crate::command::Commands;
use crate::detect::Recorder;
use crate::sync::thread_local;

/// What holds inside a scope, or what one is to change.
///
/// Flat, so that a chain of tasks that each take the scope of the one before along does not grow.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) cache: Option<Cache>,
    /// One of each name; `None` hides an outer value and is none.
    pub(super) keys: Vec<(&'static str, Option<Arc<str>>)>,
    /// The next call recomputes, and nothing inside it.
    pub(super) refresh: Option<bool>,
    /// All calls recompute.
    pub(super) further: Option<Circle>,
    /// Commands that do nothing.
    pub(super) disabled: Commands,
    /// How long a command may take; zero: as long as it likes.
    pub(super) timeout: Option<Duration>,
    pub(super) recorders: Vec<Recorder>,
}

/// Callers that share computations among themselves and with nobody else: those of one run of a scope that
/// recomputes. What others compute, or began before, is too old for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circle(u64);

static NEXT_CIRCLE: AtomicU64 = AtomicU64::new(1);

impl Circle {
    /// All who are in none.
    pub(crate) const EVERYBODY: Self = Self(0);
    /// Those for whom reading is switched off.
    pub(crate) const BLIND: Self = Self(u64::MAX);

    pub(super) fn new() -> Self {
        Self(NEXT_CIRCLE.fetch_add(1, Ordering::Relaxed))
    }
}

/// How a call is to recompute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recompute {
    /// This call alone.
    Once,
    /// And all inside, with these others.
    Further(Circle),
}

impl State {
    /// These changes over what holds outside.
    pub(super) fn over(mut self, outer: &Self) -> Self {
        for (name, value) in &outer.keys {
            if !self.keys.iter().any(|(known, _)| known == name) {
                self.keys.push((name, value.clone()));
            }
        }
        let mut recorders = outer.recorders.clone();
        recorders.extend(self.recorders.into_iter().filter(|recorder| !outer.recorders.contains(recorder)));
        Self {
            cache: self.cache.or_else(|| outer.cache.clone()),
            keys: self.keys,
            refresh: self.refresh.or(outer.refresh),
            further: self.further.or(outer.further),
            disabled: self.disabled.and(outer.disabled),
            timeout: self.timeout.or(outer.timeout),
            recorders,
        }
    }

    pub(super) fn set_key(&mut self, name: &'static str, value: Option<Arc<str>>) {
        self.keys.retain(|(known, _)| *known != name);
        self.keys.push((name, value));
    }

    pub(super) fn key(&self, name: &str) -> Option<Arc<str>> {
        self.keys.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.clone())
    }

    /// A refresh inside a scope that recomputes is one of the calls that do.
    pub(super) fn recompute(&self) -> Option<Recompute> {
        let once = self.is_refresh().then_some(Recompute::Once);
        self.further.map(Recompute::Further).or(once)
    }

    pub(super) fn is_refresh(&self) -> bool {
        self.refresh.unwrap_or(false)
    }
}

thread_local! {
    /// The scope of the running code: set while a future inside it is polled, so it follows the task.
    static SCOPE: RefCell<Option<Arc<State>>> = const { RefCell::new(None) };
}

/// How many reasons there are to look closer. While there are none, a call does not look for a scope.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// A reason to look closer: while one exists anywhere, every call asks what holds for it.
#[derive(Debug)]
pub(crate) struct Special(());

impl Special {
    pub(crate) fn new() -> Self {
        ACTIVE.fetch_add(1, Ordering::Acquire);
        Self(())
    }
}

impl Drop for Special {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Release);
    }
}

#[inline]
pub(super) fn is_special() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// Sets the scope of this thread and gives the one before. A thread that is ending has none: what its destructors
/// call runs outside.
pub(super) fn swap(scope: Option<Arc<State>>) -> Option<Arc<State>> {
    SCOPE.try_with(|current| current.replace(scope)).ok().flatten()
}

/// The scope of the running code.
pub(super) fn present() -> Option<Arc<State>> {
    SCOPE.try_with(|scope| scope.borrow().clone()).ok().flatten()
}

/// Asks the scope of the running code, if there is one.
pub(super) fn ask<T>(look: impl FnOnce(&State) -> Option<T>) -> Option<T> {
    if !is_special() {
        return None;
    }
    SCOPE.try_with(|scope| scope.borrow().as_deref().and_then(look)).ok().flatten()
}
