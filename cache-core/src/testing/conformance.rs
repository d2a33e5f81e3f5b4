//! The suite that every backend must pass: ours and yours.
//!
//! In an integration test of your crate:
//!
//! ```
//! # use cache_core as macadamia;
//! # mod my { pub use cache_core::testing::Wire as MyBackend; }
//! use my::MyBackend;
//!
//! macadamia::testing::conformance! {
//!     my_backend,
//!     || async { MyBackend::new() },
//! }
//! # fn main() {}
//! ```
//!
//! That is a module `my_backend` with a `#[test]` for each of the [`CHECKS`]; each asks for a backend of its own,
//! **fresh and empty**, as a type, a builder, or whatever is [`IntoBackend`]; it must have room for some thousand
//! small entries and one of a MiB. It needs no other crate: the suite brings the runtime it runs on.
//!
//! What a backend lacks is said:
//!
//! ```
//! # use cache_core as macadamia;
//! # mod my { pub struct MyServer; impl MyServer { pub fn connect() -> cache_core::testing::Wire { cache_core::testing::Wire::new() } } }
//! # use my::MyServer;
//! macadamia::testing::conformance! {
//!     my_server,
//!     || async { MyServer::connect() },
//!     without = [scan, delete_match, cas],
//!     real_time,
//! }
//! # fn main() {}
//! ```
//!
//! | `without` | the verbs that must then refuse with [`Error::Unsupported`](crate::Error::Unsupported) |
//! |---|---|
//! | `scan`, `delete_match`, `expire` | of the same name |
//! | `cas` | `compare_and_set` |
//! | `counters` | `increment` |
//! | `tags` | `stamp`, `generations`, `delete_tags` |
//! | `locks` | `update` |
//! | `sizes` | `size_of` |
//! | `fills` | `begin_fill` answers `None` and the cache guards its own fills |
//!
//! A backend keeps time by the clock it is [`attach`](crate::Backend::attach)ed to, and a check moves that clock.
//! One that lives by a server's clock says `real_time`: then the checks wait, a fraction of a second each.
//!
//! What is read is judged as a cache judges it: an expired entry that a backend still shows is no entry, nor is one
//! of a deleted tag. Everything else counts as shown.

#[macro_use]
mod must;

mod bench;
mod conditions;
mod counters;
mod fills;
mod lifetime;
mod list;
mod locks;
mod near;
mod patterns;
mod races;
mod removal;
mod service;
mod tags;
mod values;
mod verbs;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, IntoBackend};
use crate::error::Result;

use bench::Bench;

/// A check that takes longer has met a command that never ends.
const LIMIT: Duration = Duration::from_secs(120);

/// Every check: what is tested, under the name that the test has.
pub const CHECKS: &[Check] = list::CHECKS;

/// One thing that a backend must do.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    name: &'static str,
    needs: &'static [Capability],
    run: fn(Bench) -> Local<()>,
}

/// A future of the thread that made it.
type Local<T> = Pin<Box<dyn Future<Output = T>>>;

/// Makes a fresh backend.
type Make = Box<dyn Fn() -> Local<Result<Arc<dyn Backend>>>>;

/// What a backend may lack, if it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// To list keys.
    Scan,
    /// To delete by a pattern.
    DeleteMatch,
    /// To store only over what was read.
    Cas,
    /// To move an expiry.
    Expire,
    /// To count.
    Counters,
    /// Rights to fill of its own.
    Fills,
    /// Tags.
    Tags,
    /// Small states changed in one step: locks and limits.
    Locks,
    /// To tell how large an entry is.
    Sizes,
}

/// A backend under test. [`conformance!`](crate::testing::conformance!) makes one for each check; by hand, a single
/// check is run like this:
///
/// ```
/// use cache_core::testing::{Wire, conformance::Suite};
///
/// Suite::new(|| async { Wire::new() }).run("values::a_miss_is_none");
/// ```
pub struct Suite {
    make: Make,
    missing: Vec<Capability>,
    real_time: bool,
}

impl Check {
    /// Group and sentence, as in `values::a_miss_is_none`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it cannot be run without.
    pub const fn needs(&self) -> &'static [Capability] {
        self.needs
    }
}

impl Suite {
    /// For the backends that `make` makes, each fresh and empty.
    pub fn new<F, Fut>(make: F) -> Self
    where
        F: Fn() -> Fut + 'static,
        Fut: Future<Output: IntoBackend> + 'static,
    {
        let make = move || -> Local<_> {
            let backend = make();
            Box::pin(async move { backend.await.into_backend() })
        };
        Self { make: Box::new(make), missing: Vec::new(), real_time: false }
    }

    /// They lack this, on purpose.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        self.missing.push(capability);
        self
    }

    /// They live by a clock that nobody here can move.
    #[must_use]
    pub fn real_time(mut self) -> Self {
        self.real_time = true;
        self
    }

    /// Runs the check of that name; one that needs what the backend lacks is passed over.
    ///
    /// # Panics
    /// If the backend fails it, and if there is no such check.
    pub fn run(&self, name: &str) {
        let check = CHECKS.iter().find(|check| check.name == name);
        let Some(check) = check else { panic!("there is no check `{name}`") };
        if check.needs.iter().any(|need| self.missing.contains(need)) {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime to run on: {error}"));
        let done = runtime.block_on(async {
            let backend = (self.make)().await;
            let backend = backend.unwrap_or_else(|error| panic!("the backend could not be made: {error}"));
            let bench = Bench::new(backend, &self.missing, self.real_time);
            tokio::time::timeout(LIMIT, (check.run)(bench)).await
        });
        assert!(done.is_ok(), "the backend has not answered within {LIMIT:?}");
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("missing", &self.missing)
            .field("real_time", &self.real_time)
            .finish_non_exhaustive()
    }
}
