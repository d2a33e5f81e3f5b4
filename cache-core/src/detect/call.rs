//! One cached call, as it was answered.

use std::time::Duration;

use crate::backend::Expiry;
use crate::clock::Time;
use crate::entry::Meta;
use crate::error::Error;
use crate::event::EventKind;
use crate::key::Key;
use crate::registry::Function;

/// How a cached call was answered.
///
/// ```
/// use cache_core::Outcome;
///
/// assert!(Outcome::Hit.is_from_cache() && Outcome::Stale.is_from_cache());
/// assert!(!Outcome::Joined.is_from_cache());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// From the cache, fresh.
    Hit,
    /// From the cache, though it was time to compute it anew.
    Stale,
    /// By running the function.
    Computed,
    /// By another caller's computation that was under way.
    Joined,
    /// From the cache, because the function failed.
    Fallback,
    /// By running the function without asking the cache: `when`, no key, no route, or a call of a function for the
    /// key it is itself computing.
    Bypassed,
    /// Not at all: an attribute that may refuse a call refused it.
    Rejected,
}

impl Outcome {
    /// Whether the answer was stored before the call: [`Hit`](Self::Hit), [`Stale`](Self::Stale),
    /// [`Fallback`](Self::Fallback).
    pub const fn is_from_cache(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Fallback)
    }

    /// What an event says of the call it is about; `None` for events that answer none.
    pub(crate) const fn of(kind: EventKind) -> Option<Self> {
        match kind {
            EventKind::Hit => Some(Self::Hit),
            EventKind::Computed => Some(Self::Computed),
            EventKind::Stale => Some(Self::Stale),
            EventKind::Joined => Some(Self::Joined),
            EventKind::Fallback => Some(Self::Fallback),
            EventKind::Bypassed => Some(Self::Bypassed),
            _ => None,
        }
    }
}

/// A cached call and its answer, as [`detect`](crate::detect()) tells it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DetectedCall {
    /// The key, for a refused call that of the guard's state. Of a call whose arguments make none, what could be
    /// written.
    pub key: Key,
    /// The annotated function, as the registry lists it; `None` for `get_or_set`.
    pub function: Option<&'static Function>,
    /// The attribute that answered: `"cached"`, `"fail"`, `"rate_limit"`; or `"get_or_set"`.
    pub strategy: &'static str,
    /// How it was answered.
    pub outcome: Outcome,
    /// The backend of the key's route, by its scheme's name; `None` if no route takes the key.
    pub backend: Option<&'static str>,
    /// How long ago the answer was stored; zero for one computed now.
    pub age: Duration,
    /// When the answer expires. [`Expiry::Missing`] is one that was not stored: a condition said no, the backend
    /// failed, it was invalidated meanwhile, the call was refused.
    pub expiry: Expiry,
    /// The first thing that went wrong on the way, though the call has its answer: the failure of a backend that
    /// made it a miss or kept it from being stored, why there was no key. Of a refused call, the refusal; of a
    /// fallback, the error that it hides.
    pub error: Option<Error>,
}

impl DetectedCall {
    /// The key template as written; `None` for the default key and for `get_or_set`.
    pub const fn template(&self) -> Option<&'static str> {
        match self.function {
            Some(function) => function.template,
            None => None,
        }
    }

    /// The function's path, `shop::items::find`; `None` for `get_or_set`.
    pub fn path(&self) -> Option<String> {
        self.function.map(Function::path)
    }

    /// Whether the answer was stored before the call.
    pub const fn is_hit(&self) -> bool {
        self.outcome.is_from_cache()
    }

    /// For how much longer the answer is good: zero if it was not stored, `None` if it does not expire.
    pub const fn ttl_left(&self) -> Option<Duration> {
        match self.expiry {
            Expiry::Missing => Some(Duration::ZERO),
            Expiry::Never => None,
            Expiry::In(left) => Some(left),
        }
    }

    /// Age and expiry as an entry has them; without one the answer is new, and kept nowhere.
    pub(crate) fn times(meta: Option<Meta>, now: Time) -> (Duration, Expiry) {
        let Some(meta) = meta else { return (Duration::ZERO, Expiry::Missing) };
        let expiry = match meta.expires {
            Time::NEVER => Expiry::Never,
            expires if expires <= now => Expiry::Missing,
            expires => Expiry::In(expires.since(now)),
        };
        (now.since(meta.stored), expiry)
    }
}
