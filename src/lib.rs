//! Caching for async Rust: one line per function, no surprises under load.
//!
//! ```
//! use macadamia::{cached, invalidate};
//!
//! # #[derive(Clone)] pub struct Profile { name: String }
//! # #[derive(Debug)] pub struct AppError;
//! # pub struct User { uid: u64 }
//! #[cached(ttl = "3h", key = "user:<user.uid>")]
//! async fn profile(user: &User) -> Result<Profile, AppError> {
//!     // the database, the network, the long computation
//!     # Ok(Profile { name: user.uid.to_string() })
//! }
//!
//! #[invalidate(profile(user.uid = id))]
//! async fn rename(id: u64, name: String) -> Result<(), AppError> {
//!     // write first; what was computed from the old state goes when this succeeds
//!     # drop(name); Ok(())
//! }
//! ```
//!
//! The key template is checked when the program is built: a field that does not exist, a value that has no
//! stable text, an `#[invalidate]` that names no placeholder of its target are compile errors. With no set-up
//! at all, entries live in a bounded memory cache; [`Cache::builder`] routes key prefixes to backends at
//! startup.
//!
//! # Tour
//!
//! | to … | see |
//! |---|---|
//! | cache a function | [`macro@cached`] |
//! | have values computed anew before callers wait for them | [`macro@early`], by use [`macro@hit`] |
//! | have new values, and old ones while computing fails | [`macro@soft`] |
//! | drop what it stored | [`macro@invalidate`], [`purge!`], the function's handle |
//! | answer with the last good value when a function fails | [`macro@fail`] |
//! | let one run at a time | [`macro@locked`] |
//! | refuse calls beyond a rate | [`macro@rate_limit`] |
//! | leave alone what fails, or has become slow | [`macro@circuit_breaker`], [`macro@perf`] |
//! | build a key by hand | [`key!`] |
//! | use a value as part of a key | [`trait@KeyPart`], `#[derive(KeyPart)]` |
//! | read, write, count, scan directly | [`Cache`] |
//! | hold something for oneself, across processes | [`Cache::lock`] |
//! | set it up | [`Cache::builder`], [`Route`], [`Memory`], [`Null`] |
//! | set it up from data | [`Cache::configure`], [`Cache::named`] |
//! | say how values become bytes, where a backend keeps bytes | [`codec`](mod@codec) |
//! | look at or change what goes to a backend | [`middleware`] |
//! | switch commands off | [`Cache::disable`], [`Scope::disable`] |
//! | give calls another cache, or key context | [`Scope`] |
//! | know how the calls of one future were answered | [`detect`](detect()) |
//! | see what happens | [`Observer`], [`registry()`] |
//! | test cached code | [`testing`] |
//! | write a backend | [`Backend`], [`submit_scheme!`] |
//!
//! # What a cached function promises
//!
//! * Of many callers that miss one key at once, one runs the function; the others get its answer. If it is
//!   dropped or panics, one of them takes over. Nobody waits longer than 30 seconds.
//! * `Err` and `None` are not stored unless you ask for it.
//! * A value computed before an invalidation is never stored after it.
//! * A backend that is down costs the cache, not the call: the function runs.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `config` | yes | TOML in [`Cache::configure`]; maps need no feature |
//! | `disk` | no | `disk://`, entries in files that the processes of a host share; builds SQLite |
//! | `json`, `msgpack` | no | codecs of these names, see [`codec`](mod@codec) |
//! | `redis` | no | `redis://`, `rediss://`, clusters: one cache for a fleet |
//! | `uuid` | no | `uuid::Uuid` as a part of a key |
//! | `full` | no | all of the above |

#[cfg(feature = "disk")]
pub use cache_backends::{Disk, DiskBuilder};
pub use cache_backends::{Memory, MemoryBuilder, Null};
#[cfg(feature = "redis")]
pub use cache_backends::{Redis, RedisBuilder};
pub use cache_core::{
    AsCache, Backend, BackendUrl, BoxFuture, Cache, CacheBuilder, CacheRef, Calls, Clock, Codec, Coder,
    Coding, Command, Commands, DetectedCall, Disabling, Encoded, Entry, Error, Event, EventKind, Expiry,
    Fence, Fill, Form, Function, Generation, Increment, IntoBackend, IntoKey, IntoRoute, IntoTtl, Key,
    KeyBuf, KeyLen, KeyPart, KeyRef, KeyWriter, Kind, LockGuard, MAX_KEY, Mark, Meta, Middleware, Moment,
    Near, Observer, Outcome, Pattern, PatternBuf, Peek, RESERVED, RawText, Registry, Reply, Result, Route,
    Scheme, Scope, SetIf, SetOptions, Stamp, Stats, Step, SystemClock, Tags, Time, Token, Transition, Ttl,
    Unreadable, Value, codec, command, context, detect, envelope, middleware, registry, submit_plugin,
    submit_scheme, testing,
};
pub use cache_macros::{
    KeyPart, cached, circuit_breaker, duration, early, fail, hit, invalidate, key, locked, perf, purge,
    rate_limit, soft,
};

#[doc(hidden)]
pub use cache_core::__private;
