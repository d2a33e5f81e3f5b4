//! One call of a value strategy: what it is, and how it tells what became of it.

use std::any::TypeId;
use std::sync::OnceLock;

use super::policy::{Policy, Seen};
use crate::backend::Form;
use crate::cache::{CacheRef, Route};
use crate::coder::Coding;
use crate::detect::{self, DetectedCall, Outcome};
use crate::entry::{Entry, Kind, Meta};
use crate::error::Error;
use crate::event::EventKind;
use crate::key::Key;
use crate::registry::Function;
use crate::returns::{Returned, Shape};
use crate::scope::{Circle, Recompute};
use crate::site::Site;
use crate::tag::Tags;
use crate::ttl::Ttl;

/// Whether a call asks the cache, fills it, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Cached,
    /// Runs the function and stores what it gives, whatever is there.
    Recompute(Recompute),
    Bypass,
}

impl Mode {
    pub(super) const fn recomputes(self) -> bool {
        matches!(self, Self::Recompute(_))
    }

    /// With whom computations are shared.
    pub(super) const fn circle(self) -> Circle {
        match self {
            Self::Recompute(Recompute::Further(circle)) => circle,
            _ => Circle::EVERYBODY,
        }
    }
}

/// One call on its way to an answer.
pub(crate) struct Call {
    pub(crate) cache: CacheRef,
    pub(crate) site: Option<&'static Site>,
    pub(crate) key: Key,
    pub(crate) route: Option<u32>,
    pub(crate) mode: Mode,
    pub(crate) version: u32,
    pub(crate) policy: Policy,
    /// What the first look found and did not take for the answer.
    pub(crate) seen: Option<Seen>,
    pub(crate) tags: Tags,
    pub(crate) single_flight: bool,
    /// How long a lease of the value lasts, if there is one to take.
    pub(crate) lock: Option<Ttl>,
    pub(crate) trouble: Trouble,
}

/// The first thing that went wrong with a call, if anything did.
#[derive(Default)]
pub(crate) struct Trouble(OnceLock<Box<Error>>);

impl Trouble {
    /// Why the arguments make no key, if they do not.
    pub(crate) fn unkeyable(why: Option<&'static str>) -> Self {
        let trouble = Self::default();
        if let Some(why) = why {
            trouble.note(&Error::NoKey(why));
        }
        trouble
    }

    pub(crate) fn note(&self, error: &Error) {
        self.0.get_or_init(|| Box::new(error.clone()));
    }

    pub(crate) fn get(&self) -> Option<&Error> {
        self.0.get().map(AsRef::as_ref)
    }
}

/// What the erased half must know of the answer's type.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) answer: TypeId,
    pub(crate) coding: Coding,
    /// `None` where the value, or the error, cannot be shared and so is never kept.
    pub(crate) value: Option<fn(&Entry) -> bool>,
    pub(crate) absent: bool,
    pub(crate) failed: Option<fn(&Entry) -> bool>,
}

impl Reader {
    /// Whether an entry holds an answer of this type.
    pub(crate) fn fits(&self, entry: &Entry) -> bool {
        match entry.kind() {
            Kind::Value => self.value.is_some_and(|fits| fits(entry)),
            Kind::Absent => self.absent,
            Kind::Failed => self.failed.is_some_and(|fits| fits(entry)),
        }
    }
}
impl Call {
    pub(super) fn route(&self) -> Option<&Route> {
        self.cache.routes().get(self.route? as usize)
    }

    /// Whether it joins others, or lets others join.
    pub(super) fn shares(&self) -> bool {
        self.single_flight && self.mode != Mode::Recompute(Recompute::Once)
    }

    pub(super) fn is_bypass(&self) -> bool {
        self.mode == Mode::Bypass || self.route.is_none()
    }

    /// The answer near, which waits for no server.
    pub(super) fn look_near<Out, S: Shape<Out>>(&self, returned: Returned<Out, S>) -> Option<Out> {
        let route = self.route().filter(|route| self.mode == Mode::Cached && route.form() == Form::Bytes)?;
        let mut found = None;
        route.peek(self.key.as_key(), &mut |entry| {
            if entry.version() == self.version && self.cache.is_alive(entry) {
                found = returned.answer(entry).map(|answer| (answer, entry.meta()));
            }
        });
        let (answer, meta) = found?;
        self.answered(EventKind::Hit, Some(meta));
        Some(answer)
    }

    fn function(&self) -> Option<&'static Function> {
        self.site.map(Site::function)
    }

    pub(super) fn tell(&self, kind: EventKind, error: Option<&Error>) {
        if let Some(site) = self.site {
            site.counters().count(kind);
        }
        if let Some(error) = error {
            self.trouble.note(error);
        }
        self.cache.tell(kind, self.key.as_str(), self.function(), error);
    }

    /// Tells how the call was answered, and by what if that is kept anywhere. Once, when it has its answer.
    pub(super) fn answered(&self, kind: EventKind, kept: Option<Meta>) {
        // Why a call went past the cache is told nowhere else.
        self.tell(kind, self.trouble.get().filter(|_| kind == EventKind::Bypassed));
        let Some(outcome) = Outcome::of(kind) else { return };
        detect::record(|| {
            let (age, expiry) = DetectedCall::times(kept, self.cache.now());
            DetectedCall {
                key: self.key.clone(),
                function: self.function(),
                strategy: if self.site.is_some() { self.policy.name() } else { "get_or_set" },
                outcome,
                backend: self.route().map(Route::backend_name),
                age,
                expiry,
                error: self.trouble.get().cloned(),
            }
        });
    }
}
