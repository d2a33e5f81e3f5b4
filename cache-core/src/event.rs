//! What happened, told to whoever wants to know.

use std::fmt;

use crate::error::Error;
use crate::registry::Function;

/// What a call or a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// The answer came from the cache, fresh.
    Hit,
    /// The function ran.
    Computed,
    /// The answer came from the cache, though it was time to compute it anew: somebody does, or it failed.
    Stale,
    /// The answer is another caller's computation that was under way.
    Joined,
    /// The function failed, and `#[fail]` gave the last good value.
    Fallback,
    /// The function ran and the cache was not asked: `when`, no key, no route, or a call of a function for the
    /// key it is itself computing.
    Bypassed,
    /// The call was refused by an attribute that may, such as `#[rate_limit]`, and the function did not run; the
    /// error says why, and when to come again.
    Rejected,
    /// The function ran for a value that is present and due to be computed anew, beside the calls that get that value.
    Refreshed,
    /// The same, and no new value came of it: the present one stays, and is left alone for a while.
    NotRefreshed,
    /// A lease ended while its holder was still at work: what the holder computed is given, and not stored.
    LeaseLost,
    /// A circuit breaker opened: calls are refused.
    CircuitOpened,
    /// A circuit breaker lets probes through.
    CircuitHalfOpened,
    /// A circuit breaker closed: calls run.
    CircuitClosed,
    /// A function has become slow: `#[perf]` refuses calls for a while.
    Degraded,
    /// A computed answer was stored.
    Stored,
    /// A computed answer was not stored, because its key was invalidated meanwhile, or because a lock under which it was
    /// computed was lost.
    Overtaken,
    /// Keys were invalidated.
    Invalidated,
    /// Keys were to be invalidated and were not: the arguments make no key, the backend failed, or it is switched off.
    /// What a backend of bytes did not do is kept, which [`InvalidationKept`](Self::InvalidationKept) tells.
    NotInvalidated,
    /// A backend of bytes did not do an invalidation, or nobody knows whether it did. It is kept and done as soon as the
    /// backend lets it be done; until then this process reads nothing of what it concerns. The key, pattern or first tag,
    /// as the backend spells it. Told once a second at most for each route.
    InvalidationKept,
    /// All that was kept on a route is done; the key is the route's prefix.
    InvalidationsDone,
    /// A function called itself for the key it is computing; the inner call ran uncached.
    Recursion,
    /// A caller waited for another's computation as long as it may, and ran the function itself.
    WaitExpired,
    /// The backend failed; a value strategy took it for a miss, a guard let the call through, and a command that spares
    /// its caller ([`Route::suppress`](crate::Route::suppress)) answered as if nothing was there. While the backend is
    /// down, told once a second at most for each route.
    BackendFailed,
    /// A backend of bytes is taken for down: it cannot be reached, or does not answer. Commands to it fail at once until
    /// it is up. Told once for each outage; the key is the route's prefix.
    BackendDown,
    /// It answers again.
    BackendUp,
    /// The value has no serde implementation and the backend keeps bytes: it is not cached there.
    NotSerializable,
    /// A stored value could not be read (another type, another version, damaged): a miss.
    Unreadable,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Event<'a> {
    /// What it came to.
    pub kind: EventKind,
    /// The key or pattern.
    pub key: &'a str,
    /// The annotated function, if one was called.
    pub function: Option<&'static Function>,
    /// The backend of the key's route, by its scheme's name; `None` for what goes to several or to none.
    pub backend: Option<&'static str>,
    /// What went wrong, if something did; of a call without key, why it has none.
    pub error: Option<&'a Error>,
    /// How many of this kind were not told since the last one, where they come in crowds; of
    /// [`BackendUp`](EventKind::BackendUp), how many failures.
    pub untold: u64,
}

/// Takes events. Called on the caller's task: be quick, do not block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use cache_core::{Event, EventKind, Observer};
///
/// #[derive(Default)]
/// struct Hits(AtomicU64);
///
/// impl Observer for Hits {
///     fn on_event(&self, event: &Event<'_>) {
///         if event.kind == EventKind::Hit {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn on_event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn on_event(&self, event: &Event<'_>) {
        self(event);
    }
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
