//! The engine of macadamia: everything a cached call goes through, and no database.
//!
//! Users depend on `macadamia`, which adds the attributes and the backends. Depend on this crate to write a
//! backend or to use a cache without attributes.
//!
//! # One annotated call
//!
//! ```text
//! #[cached(ttl = "3h", key = "user:<id>")]
//!
//! key      key.rs        rendered into 64 bytes on the stack, parts escaped, hashed once
//! cache    cache.rs      the scope's, else the installed one, else the embedded default
//! route    cache/route   longest literal prefix; the call site remembers it
//! peek     backend.rs    the backend shows its entry without waiting
//!          ─────────────  a hit ends here: no allocation, no await, no lock shared by all keys
//! slot     flight.rs     of all who missed, one leads and the others wait
//! look     strategy/     the leader looks again, and asks remote backends
//! fill     cache/fills   a nonce for this key, gone as soon as anybody deletes it
//! body                   the function, once
//! leave    strategy/     store if the nonce still stands, give the answer to the others, tell the observer
//! ```
//!
//! # Map
//!
//! | room | what is in it |
//! |---|---|
//! | `key`, `pattern`, `part`, `head` | how arguments become text, and how text is matched |
//! | `entry`, `codec` | what is stored, and how it becomes bytes |
//! | `coder`, `schema`, `shapes`, `fence` | one type on its way through any codec: its shape, and what it must not do |
//! | `steady` | what stays right while a backend is down: its breaker, and invalidations that wait for it |
//! | `envelope`, `sealed` | what surrounds those bytes beyond this process: times, tags, a signature |
//! | `clock`, `ttl` | time |
//! | `backend`, `scheme`, `url` | what a place that keeps entries must do, and how one is named |
//! | `cache`, `command` | the handle users hold, and its verbs |
//! | `flight` | single flight |
//! | `strategy` | what attributes do: entered and left |
//! | `returns` | a function's return type, seen through aliases |
//! | `handle`, `registry` | the function as a thing |
//! | `scope`, `detect` | what differs inside one future; how the calls inside it were answered |
//! | `event`, `error` | what happened |
//! | `sync`, `schedules` | what threads meet at, and stories told under thousands of schedules |
//! | `testing` | a manual clock, a backend that fails on demand, cancellation at an exact point |
//!
//! # Invariants
//!
//! 1. No slot is held once all its callers are gone: slots are guards, and leave by `Drop`.
//! 2. Calls = hits + joined + computed + bypassed + rejected: every call that ends tells one of them.
//! 3. A cache error never replaces a successful result; to an annotated function it is a miss and an event.
//! 4. A function's own errors come back untouched.
//! 5. Every wait is bounded: on a leader, on a byte backend, on a circle of leaders. (A backend of objects in this
//!    process is taken to answer at once, unless its route has a `timeout`.)
//! 6. Library code does not panic, and there is no `unsafe` in it.
//! 7. A value computed before an invalidation is never stored after it.
//! 8. Nothing from a wire is decoded before it is verified and bounded.
//!
//! What is deliberately absent: a strategy names no backend and a backend no strategy; nothing asks the
//! operating system for the time except the system clock; no lock is held across an await.

mod backend;
pub mod background;
mod cache;
mod clock;
pub mod codec;
mod coder;
pub mod command;
mod config;
mod detect;
mod entry;
pub mod envelope;
mod error;
mod event;
mod fence;
mod flight;
mod handle;
mod head;
mod key;
mod lock;
pub mod middleware;
mod near;
mod overdue;
mod part;
mod pattern;
mod registry;
mod reply;
mod returns;
#[cfg(test)]
#[cfg(shuttle)]
mod schedules;
mod schema;
mod scheme;
mod scope;
mod sealed;
mod shapes;
mod site;
mod stats;
mod steady;
mod strategy;
mod sync;
mod tag;
pub mod testing;
mod ttl;
mod url;

pub use backend::{
    Backend, Expiry, Fill, Form, Increment, IntoBackend, Mark, Near, Peek, SetIf, SetOptions, Step,
    Transition,
};
pub use cache::{AsCache, Cache, CacheBuilder, CacheRef, Disabling, IntoRoute, RouteTo as Route};
pub use clock::{BoxFuture, COARSE_ERROR, Clock, Moment, SystemClock, Time};
pub use codec::Codec;
pub use coder::{Coder, Coding};
pub use command::{Command, Commands, LockGuard, Token, Value};
pub use detect::{Calls, DetectedCall, Outcome, detect};
pub use entry::{Encoded, Entry, Kind, Meta, Payload};
pub use envelope::Unreadable;
pub use error::{Error, Result};
pub use event::{Event, EventKind, Observer};
pub use key::{
    IntoKey, Key, KeyBuf, KeyLen, KeyPart, KeyRef, KeyWriter, MAX_KEY, PrehashedState, RESERVED, RawText,
};
pub use lock::Fence;
pub use middleware::Middleware;
pub use pattern::{Pattern, PatternBuf};
pub use registry::{Function, Registry, registry};
pub use reply::Reply;
pub use schema::Schema;
pub use scheme::Scheme;
pub use scope::{Scope, context};
pub use stats::Stats;
pub use tag::{Generation, Stamp, Tags};
pub use ttl::{IntoTtl, Ttl};
pub use url::BackendUrl;

/// What the macros print paths to. Not part of the API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use std::result::Result::{Err, Ok};

    pub use crate::handle::{
        Fits, Handle, Placeholder, all_given, cache_of_handle, finish_key, invalidate_key, invalidate_with,
        key_of, peek, placeholder, refresh, set, set_marked,
    };
    pub use crate::head::{head_of, head_of_method, head_of_val, type_args};
    pub use crate::scope::write_context as context;
    pub use crate::site::Site;
    pub use crate::stats::Counters;
    pub use crate::strategy::Enter;
    pub use crate::strategy::inside::Inside;
    pub use crate::strategy::invalidate::{Target, purge};
    pub use crate::{
        __failed as failed, __hidden as hidden, __part as part, __part_again as part_again,
        __returns as returns,
    };
    pub use crate::{
        Cache, CacheRef, Error, Function, IntoTtl, Key, KeyBuf, KeyLen, KeyPart, KeyWriter, Pattern,
        PatternBuf, RawText, Result, Stats, Tags, Ttl,
    };

    /// Filters of placeholders.
    pub mod filter {
        pub use crate::key::filter::{display, jwt, len, lower, md5, sha1, sha256, upper};
    }

    /// `codec = …`.
    pub mod codec {
        pub use crate::codec::Codec;
        pub use crate::codec::named::{bincode, json, msgpack, raw, string};
    }

    /// The shapes of return types.
    pub mod returns {
        pub use crate::returns::*;
    }

    /// Autoref dispatch of placeholders.
    pub mod part {
        pub use crate::part::*;
    }

    /// Handles of methods.
    pub mod method {
        pub use crate::handle::method::*;
    }

    /// `#[cached]`.
    pub mod cached {
        pub use crate::flight::Within;
        pub use crate::strategy::cached::{Entered, Lead, Settings, enter};
        pub use crate::strategy::policy::{Fresh, Policy};
    }

    /// Attributes that may refuse a call.
    pub mod guard {
        pub use crate::strategy::guard::{Settings, refusal};
    }

    /// `#[perf]`.
    pub mod perf {
        pub use crate::strategy::perf::{Perf, enter};
    }

    /// `#[fail]`.
    pub mod fail {
        pub use crate::strategy::fail::{Left, Recall, Settings, Watch, enter};
    }

    /// `#[rate_limit]`.
    pub mod rate_limit {
        pub use crate::strategy::rate_limit::{Algorithm, Limit, enter};
    }

    /// Refreshing beside a call.
    pub mod refresh {
        pub use crate::strategy::refresh::{Copied, detach, over, own, portable};
    }

    /// `#[locked]`.
    pub mod locked {
        pub use crate::command::IntoWait;
        pub use crate::lock::Fence;
        pub use crate::strategy::locked::{Terms, enter};
    }

    /// `#[circuit_breaker]`.
    pub mod circuit_breaker {
        pub use crate::strategy::circuit_breaker::{Answer, Breaker, enter};
    }

    /// `#[cached(many = …)]`.
    pub mod batch {
        pub use crate::returns::{BatchMap, Batched};
        pub use crate::strategy::batch::{Batch, all, keys};
    }

    /// `#[invalidate]`.
    pub mod invalidate {
        pub use crate::strategy::invalidate::{On, enter};
    }

    /// The value of a `Result`, named through aliases.
    pub trait Fallible {
        /// What `Ok` holds.
        type Value;
    }

    impl<T, E> Fallible for std::result::Result<T, E> {
        type Value = T;
    }

    /// The value of an `Option`, named through aliases.
    pub trait Optional {
        /// What `Some` holds.
        type Value;
    }

    impl<T> Optional for Option<T> {
        type Value = T;
    }

    /// The cache of the running code.
    #[inline]
    pub fn current() -> CacheRef {
        crate::cache::current()
    }

    /// The cache that `cache = …` names.
    pub fn cache_of<C: crate::AsCache + ?Sized>(cache: &C) -> CacheRef {
        CacheRef::Given(cache.as_cache().clone())
    }

    /// The text of `key = |…| …`, as it is.
    pub fn raw_key(out: &mut KeyBuf, text: &(impl crate::key::filter::KeyText + ?Sized)) {
        out.literal(&text.to_string());
    }
}
