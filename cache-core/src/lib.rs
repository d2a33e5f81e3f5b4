//! The engine of macadamia.

mod backend;
mod clock;
mod codec;
mod entry;
mod error;
mod event;
mod key;
mod pattern;
mod registry;
mod scheme;
pub mod testing;
mod ttl;
mod url;

pub use backend::{Backend, Expiry, Fill, Form, Increment, IntoBackend, Peek, SetIf, SetOptions};
pub use clock::{BoxFuture, COARSE_ERROR, Clock, SystemClock, Time};
pub use codec::Codec;
pub use entry::{Encoded, Entry, Kind, Meta};
pub use error::{Error, Result};
pub use event::{Event, EventKind, Observer};
pub use key::{IntoKey, Key, KeyBuf, KeyLen, KeyPart, KeyRef, KeyWriter, MAX_KEY, PrehashedState, RawText};
pub use pattern::{Pattern, PatternBuf};
pub use registry::{Function, registry};
pub use scheme::Scheme;
pub use ttl::{IntoTtl, Ttl};
pub use url::BackendUrl;

/// What the macros print paths to. Not part of the API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub mod filter {
        pub use crate::key::filter::{custom, display, jwt, len, lower, md5, sha1, sha256, upper};
    }
    pub use inventory;
}
