//! What a route is told beside its backend: by the setters of [`RouteTo`], the URL, or the cache, in this order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::opened::{IntoRoute, Opened};
use crate::codec::{Codec, IntoCodec};
use crate::envelope::{Compression, Digest, Envelope, Keyring};
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
    pub(super) codec: Option<&'static dyn Codec>,
    pub(super) compress: Option<Compress>,
    pub(super) secrets: Option<Secrets>,
    pub(super) digest: Option<Digest>,
    pub(super) require: Option<bool>,
    pub(super) suppress: Option<bool>,
}

/// How values are made smaller, where somebody says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compress {
    /// Not at all, whatever those who are asked next say.
    No,
    By(Compression),
}

/// Texts that no message shows.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl Secrets {
    pub(super) fn push(&mut self, secret: &[u8]) {
        self.0.push(Zeroizing::new(secret.to_vec()));
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
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
            codec: url
                .option("codec")
                .map(|name| name.into_codec().map_err(|error| named("codec", error)))
                .transpose()?,
            compress: url.option("compress").map(compression).transpose()?,
            secrets: secrets_of(url)?,
            digest: url.option("digestmod").map(digest).transpose()?,
            require: url.switch("require")?,
            suppress: match (url.switch("suppress")?, url.switch("safe")?) {
                (Some(suppress), Some(safe)) if suppress != safe => {
                    return Err(Error::config("`suppress` and `safe` are one option: give one of them"));
                }
                (suppress, safe) => suppress.or(safe),
            },
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
            codec: self.codec.or(under.codec),
            compress: self.compress.or(under.compress),
            secrets: self.secrets.or(under.secrets),
            digest: self.digest.or(under.digest),
            require: self.require.or(under.require),
            suppress: self.suppress.or(under.suppress),
        }
    }

    /// How entries are sealed, where they are bytes.
    pub(super) fn envelope(&self) -> Result<Envelope> {
        let mut envelope = Envelope::new();
        if let Some(Compress::By(how)) = self.compress {
            envelope = envelope.compressed(how);
        }
        match &self.secrets {
            Some(secrets) => {
                let keys =
                    Keyring::new(self.digest.unwrap_or_default(), secrets.0.iter().map(|secret| &**secret));
                envelope = envelope.signed(keys.map_err(|error| named("secret", error))?);
            }
            None if self.digest.is_some() => {
                return Err(Error::config(
                    "`digestmod` says how entries are signed, and without `secret` none is",
                ));
            }
            None => {}
        }
        Ok(envelope)
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
    let options = Options::of_url(url)?;
    if options.secrets.is_some() {
        options.envelope()?;
    }
    options.space().map(drop)
}

/// `compress=…`: an algorithm, or none.
pub(super) fn compression(name: &str) -> Result<Compress> {
    match name.to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" | "off" | "none" => Ok(Compress::No),
        name => name.parse().map(Compress::By).map_err(|error| named("compress", error)),
    }
}

/// `digestmod=…`.
pub(super) fn digest(name: &str) -> Result<Digest> {
    name.to_ascii_lowercase().parse().map_err(|error| named("digestmod", error))
}

/// `secret=…`, once for each; the first signs. `hash_key` is another spelling.
fn secrets_of(url: &BackendUrl) -> Result<Option<Secrets>> {
    let all = |name| url.options(name).map(|secret| Zeroizing::new(secret.as_bytes().to_vec()));
    let (secrets, keys): (Vec<_>, Vec<_>) = (all("secret").collect(), all("hash_key").collect());
    match (secrets.is_empty(), keys.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Ok(Some(Secrets(secrets))),
        (true, false) => Ok(Some(Secrets(keys))),
        (false, false) => Err(Error::config("`secret` and `hash_key` are one option: give one of them")),
    }
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
/// | [`codec`](Self::codec) | `codec=json` | `bincode` | how values become bytes, on a backend of bytes |
/// | [`compress`](Self::compress) | `compress=lz4` | none | what makes them fewer |
/// | [`secret`](Self::secret) | `secret=…`, `hash_key=…` | none | what entries are signed with |
/// | [`digestmod`](Self::digestmod) | `digestmod=sha1` | `sha256` | by which algorithm |
/// | [`require`](Self::require) | `require=true` | off | whether the backend must answer when the cache is built |
/// | [`suppress`](Self::suppress) | `suppress=false`, `safe=false` | on | whether commands answer a backend that is down like an empty one |
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

    /// How values become bytes, where the backend keeps bytes: a codec of ours by its name, or any as `&MyCodec`. An
    /// attribute and a call may say otherwise for themselves. What others of ours wrote stays readable. Default:
    /// [`Bincode`](crate::codec::Bincode).
    ///
    /// ```
    /// use cache_core::{Route, codec::Raw};
    ///
    /// let route = Route::to("mem://").codec(&Raw);
    /// let same = Route::to("mem://").codec("raw");
    /// # drop((route, same));
    /// ```
    pub fn codec(self, codec: impl IntoCodec) -> Self {
        self.set(|options| {
            options.codec = Some(codec.into_codec().map_err(|error| named("codec", error))?);
            Ok(())
        })
    }

    /// Makes values smaller on a backend of bytes, from 256 bytes on and where it helps: `"lz4"` (fast), `"zstd"`
    /// (small), each a feature; `"none"` beats the URL's. What was written otherwise stays readable. Default: none.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://?compress=none").compress("none");
    /// # drop(route);
    /// ```
    pub fn compress(self, how: &str) -> Self {
        self.set(|options| {
            options.compress = Some(compression(how)?);
            Ok(())
        })
    }

    /// Signs entries and the states of guards on a backend of bytes, so that whoever can write to the server cannot make
    /// up values, mix up keys, or lengthen lives. An entry without a good signature is a miss and an event.
    ///
    /// Called several times, the first secret signs and any of them verifies: put a new one first, and drop the old one
    /// when what it signed has expired. At least 6 bytes; use 32 random ones. Numbers are not counted by the server then,
    /// but taken out of their envelope and put back, each time.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").secret("the new one, 32 random bytes").secret("the old one");
    /// # drop(route);
    /// ```
    pub fn secret(self, secret: impl AsRef<[u8]>) -> Self {
        Self(self.0.map(|mut opened| {
            // A setter beats the URL, whole.
            if !std::mem::replace(&mut opened.has_secrets, true) {
                opened.options.secrets = None;
            }
            opened.options.secrets.get_or_insert_default().push(secret.as_ref());
            opened
        }))
    }

    /// The algorithm of signatures: `"sha256"`, the default, or `"sha1"`, for those that must. Entries signed by another
    /// are not believed.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").secret("32 random bytes").digestmod("sha256");
    /// # drop(route);
    /// ```
    pub fn digestmod(self, digest: &str) -> Self {
        self.set(|options| {
            options.digest = Some(self::digest(digest)?);
            Ok(())
        })
    }

    /// `true` lets [`build`](crate::CacheBuilder::build) fail where the backend does not answer. Else a server that is
    /// down when the program starts is as one that goes down later: calls are misses until it is there.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").require(true);
    /// # drop(route);
    /// ```
    pub fn require(self, require: bool) -> Self {
        self.set(|options| {
            options.require = Some(require);
            Ok(())
        })
    }

    /// `true`, the default: commands answer a backend of bytes that cannot be reached, or does not answer in time, like
    /// one that is empty; each such error is the event [`BackendFailed`](crate::EventKind::BackendFailed). `false`: they
    /// return it. Annotated functions run in either case.
    ///
    /// | command | while the backend is down |
    /// |---|---|
    /// | `get`, `gets`, `get_many`, `get_raw`, `exists`, `get_expire`, `size_of`, `expire`, `touch` | there is nothing |
    /// | `set`, `set_many`, `set_raw`, `add` | nothing is stored: `false` |
    /// | `delete`, `delete_many`, `delete_match`, `delete_tags`, `clear`, `purge!` and the `invalidate` of functions | `false` or 0; kept, and done when it is back |
    /// | `incr`, `cas`, `lock` and its kin, `scan`, `get_match`, `keys_count`, `ping`, `raw`, `flush_all`, the removal of a lock | the error: they would say what nobody knows |
    ///
    /// What a backend answers is never hidden: out of memory, not permitted, of the wrong type. Nor is the end of a limit
    /// that the call itself has named, by `.timeout(…)`.
    ///
    /// ```
    /// use cache_core::Route;
    ///
    /// let route = Route::to("mem://").suppress(false);
    /// # drop(route);
    /// ```
    pub fn suppress(self, suppress: bool) -> Self {
        self.set(|options| {
            options.suppress = Some(suppress);
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
