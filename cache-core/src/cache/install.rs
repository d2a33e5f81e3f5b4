//! Which cache a call uses: the scope's, else the installed one, else the embedded default.

use std::ops::Deref;
use std::sync::{Arc, LazyLock, OnceLock};

use super::{Cache, CacheBuilder, Parts};
use crate::clock::SystemClock;
use crate::error::{Error, Result};
use crate::{scheme, scope};

static INSTALLED: OnceLock<Cache> = OnceLock::new();

impl Cache {
    /// Makes this the cache of every annotated function, for the life of the program.
    ///
    /// # Errors
    /// [`Error::Config`] if a cache is installed already, or was used before: annotated functions called
    /// earlier have put their answers into the embedded default, and switching would lose them silently.
    /// Tests give each its own cache with [`Scope::cache`](crate::Scope::cache) instead.
    pub fn install(self) -> Result<()> {
        INSTALLED.set(self).map_err(|_| {
            Error::config(
                "a cache is in use already: call `install()` once, before the first annotated call; \
                 in tests use `Scope::new().cache(…).run(…)`",
            )
        })
    }
}

#[inline]
pub(crate) fn installed() -> &'static Cache {
    INSTALLED.get_or_init(embedded)
}

/// The default when nothing was set up: bounded memory, if a memory backend is linked.
fn embedded() -> Cache {
    if scheme::is_known("mem")
        && let Ok(cache) = CacheBuilder::new().route("", "mem://").build_now()
    {
        return cache;
    }
    // No backend is linked: a cache without routes lets every call pass.
    Cache::new(Parts {
        routes: Vec::new(),
        layers: Vec::new(),
        clock: Arc::new(SystemClock),
        on_system_clock: true,
        observer: None,
        wait: std::time::Duration::ZERO,
    })
}

/// A cache, borrowed for good or held.
#[derive(Debug, Clone)]
pub enum CacheRef {
    /// The installed one.
    Installed(&'static Cache),
    /// One given by `cache = …` or a scope.
    Given(Cache),
}

impl Deref for CacheRef {
    type Target = Cache;

    #[inline]
    fn deref(&self) -> &Cache {
        match self {
            Self::Installed(cache) => cache,
            Self::Given(cache) => cache,
        }
    }
}

/// The cache of the running code.
#[inline]
pub(crate) fn current() -> CacheRef {
    match scope::cache() {
        None => CacheRef::Installed(installed()),
        Some(cache) => CacheRef::Given(cache),
    }
}

/// What `cache = …` may be: a [`Cache`], a reference or `Arc` to one, a `static` that makes one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache",
    note = "`cache = …` takes a `macadamia::Cache`, a reference or `Arc` to one, or a `LazyLock<Cache>` static"
)]
pub trait AsCache {
    /// The cache.
    fn as_cache(&self) -> &Cache;
}

impl AsCache for Cache {
    fn as_cache(&self) -> &Cache {
        self
    }
}

impl AsCache for CacheRef {
    fn as_cache(&self) -> &Cache {
        self
    }
}

impl<T: AsCache + ?Sized> AsCache for &T {
    fn as_cache(&self) -> &Cache {
        (**self).as_cache()
    }
}

impl<T: AsCache + ?Sized> AsCache for Arc<T> {
    fn as_cache(&self) -> &Cache {
        (**self).as_cache()
    }
}

impl<T: AsCache, F: FnOnce() -> T> AsCache for LazyLock<T, F> {
    fn as_cache(&self) -> &Cache {
        (**self).as_cache()
    }
}
