//! One call of a function that may fail, over erased entries.

use std::fmt;
use std::sync::Arc;

use super::Settings;
use crate::backend::Form;
use crate::cache::{CacheRef, FillGuard, Route};
use crate::clock::Time;
use crate::command::Command;
use crate::detect::{self, DetectedCall, Outcome};
use crate::entry::{Entry, Kind, Meta};
use crate::error::Error;
use crate::event::EventKind;
use crate::flight::{Makeshift, fell_back};
use crate::key::Key;
use crate::registry::Function;
use crate::returns::{Returned, Shape};
use crate::strategy::{Reader, Trouble};

/// What a call knows on its way. Dropping it gives back the right to store.
pub(super) struct Attempt {
    function: &'static Function,
    pub(super) cache: CacheRef,
    pub(super) key: Key,
    pub(super) reader: Reader,
    pub(super) fill: Option<FillGuard>,
    pub(super) started: Time,
    /// The cache is not asked.
    bypass: bool,
    /// Whether the call is still to be counted here.
    counts: bool,
    /// Whether the answer is made of a fallback.
    makeshift: Makeshift,
    trouble: Trouble,
}

impl Attempt {
    pub(super) async fn begin(
        function: &'static Function,
        cache: CacheRef,
        key: Key,
        why_unkeyable: Option<&'static str>,
        reader: Reader,
        settings: Settings,
    ) -> Self {
        let mut attempt = Self {
            started: cache.now(),
            bypass: settings.bypass || why_unkeyable.is_some() || cache.route_of(key.as_key()).is_none(),
            counts: settings.counts,
            trouble: Trouble::unkeyable(why_unkeyable),
            makeshift: Makeshift::default(),
            fill: None,
            function,
            cache,
            key,
            reader,
        };
        if why_unkeyable.is_some() && !settings.counts {
            // Whoever counts the call does not know of this.
            attempt.tell(EventKind::Bypassed, attempt.trouble.get());
        }
        attempt.fill = attempt.begin_fill().await;
        attempt
    }

    pub(super) fn route(&self) -> Option<&Route> {
        self.cache.route_of(self.key.as_key()).filter(|_| !self.bypass)
    }

    async fn begin_fill(&self) -> Option<FillGuard> {
        let route = self.route()?;
        if route.form() == Form::Bytes && !self.reader.coding.has_values() {
            self.tell(EventKind::NotSerializable, None);
            return None;
        }
        if self.cache.is_off(Command::Set, route) {
            return None;
        }
        match route.begin_fill(&self.key).await {
            Ok(fill) => Some(fill),
            Err(error) => {
                self.trouble(EventKind::BackendFailed, &error);
                None
            }
        }
    }

    pub(super) fn makeshift(&self) -> Makeshift {
        self.makeshift.clone()
    }

    pub(super) fn refused(&mut self) {
        self.counts = false;
    }

    /// Whether an answer would be kept. One that is made of a fallback is not: it would grow old unseen.
    pub(super) fn keeps(&self) -> bool {
        self.fill.is_some() && !self.makeshift.is()
    }

    /// The last answer, if it is there and young enough. A backend that just failed is asked all the same: now it is
    /// the last resort, and one that takes no writes may be read.
    pub(super) async fn recall(mut self: Box<Self>, hidden: Error) -> Option<Recall> {
        // Nothing will be stored.
        self.fill = None;
        let found = self.look().await;
        if found.is_none() {
            self.done(None);
        }
        found.map(|(entry, meta)| Recall { attempt: self, entry, meta, hidden })
    }

    /// The last answer, and its times counted from when it was last given.
    async fn look(&self) -> Option<(Arc<Entry>, Meta)> {
        let route = self.route()?;
        let is_readable = route.form() == Form::Objects || self.reader.coding.has_values();
        if !is_readable || self.cache.is_off(Command::Get, route) {
            return None;
        }
        match route.get(&self.key, self.reader.coding).await {
            Ok(Some(entry)) if entry.kind() != Kind::Failed && self.reader.fits(&entry) => {
                let mut meta = entry.meta();
                if route.form() == Form::Bytes {
                    meta.expires = route.good_until(&self.key, &entry);
                    meta.stored = meta.stored.after(meta.expires.since(meta.fresh_until));
                }
                (self.cache.now() < meta.expires).then_some((entry, meta))
            }
            Ok(Some(_)) => {
                self.tell(EventKind::Unreadable, None);
                None
            }
            Ok(None) => None,
            Err(error) if error.is_unreadable() => {
                self.trouble(EventKind::Unreadable, &error);
                None
            }
            Err(error) => {
                self.trouble(EventKind::BackendFailed, &error);
                None
            }
        }
    }

    pub(super) fn tell(&self, kind: EventKind, error: Option<&Error>) {
        self.cache.tell(kind, self.key.as_str(), Some(self.function), error);
    }

    pub(super) fn trouble(&self, kind: EventKind, error: &Error) {
        self.trouble.note(error);
        self.tell(kind, Some(error));
    }

    /// The call has the function's own answer, kept or not.
    pub(super) fn done(&self, kept: Option<Meta>) {
        if !self.counts {
            return;
        }
        let (kind, outcome) = if self.bypass {
            (EventKind::Bypassed, Outcome::Bypassed)
        } else {
            (EventKind::Computed, Outcome::Computed)
        };
        self.function.counters.count(kind);
        let error = self.trouble.get();
        self.tell(kind, error.filter(|_| self.bypass));
        self.detected(outcome, kept, error);
    }

    fn detected(&self, outcome: Outcome, kept: Option<Meta>, error: Option<&Error>) {
        detect::record(|| {
            let (age, expiry) = DetectedCall::times(kept, self.cache.now());
            DetectedCall {
                key: self.key.clone(),
                function: Some(self.function),
                strategy: "fail",
                outcome,
                backend: self.cache.route_of(self.key.as_key()).map(Route::backend_name),
                age,
                expiry,
                error: error.cloned(),
            }
        });
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The last answer, found for a call that failed.
pub struct Recall {
    attempt: Box<Attempt>,
    entry: Arc<Entry>,
    meta: Meta,
    hidden: Error,
}

impl Recall {
    /// The answer, told as a fallback. The reader has said that this entry fits; should it not, there is none.
    pub fn answer<Out, S: Shape<Out>>(self, returned: Returned<Out, S>) -> Option<Out> {
        let Self { attempt, entry, meta, hidden } = self;
        let Some(out) = returned.answer(&entry) else {
            attempt.done(None);
            return None;
        };
        fell_back();
        if attempt.counts {
            attempt.function.counters.count(EventKind::Computed);
            attempt.tell(EventKind::Computed, None);
        }
        attempt.function.counters.count(EventKind::Fallback);
        attempt.tell(EventKind::Fallback, Some(&hidden));
        attempt.detected(Outcome::Fallback, Some(meta), Some(&hidden));
        Some(out)
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
