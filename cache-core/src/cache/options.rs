//! What a route is told beside its backend: by the setters of [`RouteTo`], the URL, or the cache, in this order.

use std::sync::Arc;
use std::time::Duration;

use super::opened::{IntoRoute, Opened};
use crate::error::{Error, Result};
use crate::key::KeyBuf;
use crate::middleware::{KeyPrefix, Middleware};
use crate::ttl::{IntoTtl, Ttl};
use crate::url::BackendUrl;

/// What stands before a version. No value of a template writes it: there `%` is escaped.
const VERSION: &str = "%v";

/// Options of a route; `None` is left to whoever is asked next.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) ttl: Option<Ttl>,
    pub(super) key_prefix: Option<String>,
    pub(super) version: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) enable: Option<bool>,
}

impl Options {
    pub(super) fn of_url(url: &BackendUrl) -> Result<Self> {
        let text = |name| url.option(name).map(str::to_owned);
        let key_prefix = match (text("key_prefix"), text("namespace")) {
            (Some(prefix), Some(namespace)) if prefix != namespace => {
                return Err(Error::config("`key_prefix` and `namespace` are one option: give one of them"));
            }
            (prefix, namespace) => prefix.or(namespace),
        };
        Ok(Self {
            ttl: url
                .option("ttl")
                .map(|ttl| Ttl::parse(ttl).map_err(|error| named("ttl", error)))
                .transpose()?,
            key_prefix,
            version: text("version"),
            timeout: url.duration("timeout")?,
            enable: url.switch("enable")?,
        })
    }

    /// These, and where they say nothing, those.
    pub(super) fn over(self, under: Self) -> Self {
        Self {
            ttl: self.ttl.or(under.ttl),
            key_prefix: self.key_prefix.or(under.key_prefix),
            version: self.version.or(under.version),
            timeout: self.timeout.or(under.timeout),
            enable: self.enable.or(under.enable),
        }
    }

    /// The key space they ask for: the prefix, and inside it the version.
    pub(super) fn space(&self) -> Result<Option<KeyPrefix>> {
        let mut prefix = KeyPrefix::new(self.key_prefix.as_deref().unwrap_or_default());
        if let Some(version) = self.version.as_deref().filter(|version| !version.is_empty()) {
            // Escaped as a value is, so that no version is the beginning of another.
            let mut text = KeyBuf::new();
            text.part(version);
            prefix = KeyPrefix::new(format!("{}{VERSION}{}", prefix.as_str(), text.as_str()));
        }
        prefix.check()?;
        Ok((!prefix.as_str().is_empty()).then_some(prefix))
    }
}

/// Whether the options in a URL are what they should be. Opens nothing.
pub(crate) fn check_options(url: &BackendUrl) -> Result<()> {
    Options::of_url(url)?.space().map(drop)
}

fn named(option: &str, error: Error) -> Error {
    match error {
        Error::Config(message) => Error::config(format!("option `{option}`: {message}")),
        other => other,
    }
}

/// Where keys go, and what is special on that way: for [`CacheBuilder::route`](crate::CacheBuilder::route).
///
/// Needed only to say more than the URL does, or to say it in code: `.route("", "mem://?ttl=1h")` does without. What
/// is said here beats the same option of the URL, also when it is zero or empty; what neither says is left to the
/// builder's defaults for all routes.
///
/// | option | URL | default | |
/// |---|---|---|---|
/// | [`ttl`](Self::ttl) | `ttl=1h` | `forever` | life of what is set without one |
/// | [`key_prefix`](Self::key_prefix) | `key_prefix=svc`, `namespace=svc` | none | in front of every key |
/// | [`version`](Self::version) | `version=2` | none | entries of another are not seen |
/// | [`timeout`](Self::timeout) | `timeout=0.5` | 250 ms on a backend of bytes | how long a command may take |
/// | [`enable`](Self::enable) | `enable=0` | on | whether the route begins switched on |
/// | [`middleware`](Self::middleware) | – | none | around every command |
///
/// ```
/// use cache_core::middleware::Timing;
/// use cache_core::{Cache, Route};
///
/// let builder = Cache::builder()
///     .ttl("1d")
///     .route("", "mem://?ttl=10m")
///     .route("user:", Route::to("mem://?ttl=10m").ttl("1h").key_prefix("svc").middleware(Timing::new()));
/// # drop(builder);
/// ```
#[derive(Debug)]
#[must_use = "a route is given to `.route(prefix, …)`"]
pub struct RouteTo(Result<Opened>);

impl RouteTo {
    /// To this backend: a URL, or one built in code.
    pub fn to(backend: impl IntoRoute) -> Self {
        Self(backend.open())
    }

    /// What is set without a ttl lives this long; also counters that begin, and what `get_or_set` computes. Default:
    /// forever. `"forever"` overrides the URL's and the cache's; zero is an error when the cache is built.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://?ttl=10m").ttl("forever");
    /// # drop(route);
    /// ```
    pub fn ttl(self, ttl: impl IntoTtl) -> Self {
        self.set(|options| {
            options.ttl = Some(ttl.into_ttl().map_err(|error| named("ttl", error))?);
            Ok(())
        })
    }

    /// Puts `prefix:` before every key, tag and pattern, so that services that share a server do not collide. `""` is
    /// none. [`Cache::clear`](crate::Cache::clear) removes only what has it. A lock's key keeps its `lock:` in front.
    ///
    /// One with `*` or one that is reserved (`lock`) is an error when the cache is built.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://shared").key_prefix("billing");
    /// # drop(route);
    /// ```
    pub fn key_prefix(self, prefix: impl Into<String>) -> Self {
        self.set(|options| {
            options.key_prefix = Some(prefix.into());
            Ok(())
        })
    }

    /// Keeps entries of other versions out of sight: for a deployment that changes what values mean. A number or
    /// text; 0 is a version, `""` is none. Entries of old versions stay until they expire.
    ///
    /// Stands in the key as `%v<version>:`, inside the prefix, so that versions, and keys without one, are apart for
    /// every command of a key. A route without a version sees them all in scans, patterns and `clear`. To
    /// change one function's entries alone, its attribute has `version` too.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://shared").version(2);
    /// # drop(route);
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "`.version(2)` and `.version(\"blue\")` alike")]
    pub fn version(self, version: impl ToString) -> Self {
        self.set(|options| {
            options.version = Some(version.to_string());
            Ok(())
        })
    }

    /// How long a command may take; zero: as long as it likes. A scope and the command itself may say otherwise.
    /// What times out is an error of a command and a miss of an annotated function; what it did is not undone.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").timeout(std::time::Duration::from_millis(50));
    /// # drop(route);
    /// ```
    pub fn timeout(self, limit: Duration) -> Self {
        self.set(|options| {
            options.timeout = Some(limit);
            Ok(())
        })
    }

    /// `false` begins with every command switched off on this route: nothing is cached, functions run.
    /// [`Cache::enable`](crate::Cache::enable) switches on later.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").enable(std::env::var_os("NO_CACHE").is_none());
    /// # drop(route);
    /// ```
    pub fn enable(self, enable: bool) -> Self {
        self.set(|options| {
            options.enable = Some(enable);
            Ok(())
        })
    }

    /// Puts this around every command of the route, inside those added before and those of the cache.
    ///
    /// ```
    /// use cache_core::Route;
    /// use cache_core::middleware::{LowerKeys, SizeLimit};
    ///
    /// let route = Route::to("mem://").middleware(SizeLimit::at_most(65_536)).middleware(LowerKeys);
    /// # drop(route);
    /// ```
    pub fn middleware(self, middleware: impl Middleware) -> Self {
        self.layer(Arc::new(middleware))
    }

    pub(crate) fn layer(mut self, layer: Arc<dyn Middleware>) -> Self {
        if let Ok(opened) = &mut self.0 {
            opened.layers.push(layer);
        }
        self
    }

    /// Changes an option; the first mistake is what is told.
    fn set(self, change: impl FnOnce(&mut Options) -> Result<()>) -> Self {
        Self(self.0.and_then(|mut opened| {
            change(&mut opened.options)?;
            Ok(opened)
        }))
    }
}

impl IntoRoute for RouteTo {
    fn open(self) -> Result<Opened> {
        self.0
    }
}
