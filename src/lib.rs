//! macadamia.
pub use cache_core::{
    AsCache, Backend, BackendUrl, BoxFuture, Cache, CacheBuilder, CacheRef, Clock, Codec, Encoded, Entry,
    Error, Event, EventKind, Expiry, Fill, Form, Function, Increment, IntoBackend, IntoKey, IntoRoute,
    IntoTtl, Key, KeyBuf, KeyLen, KeyPart, KeyRef, KeyWriter, Kind, Meta, Observer, Pattern, Peek, Result,
    Scheme, Scope, SetIf, SetOptions, SystemClock, Time, Ttl, Value, command, registry, submit_scheme,
    testing,
};

#[doc(hidden)]
pub use cache_core::__private;
