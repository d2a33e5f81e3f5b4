//! URL schemes: each backend submits its own, and users add theirs the same way.

use std::sync::Arc;

use crate::backend::Backend;
use crate::cache::check_options;
use crate::error::{Error, Result};
use crate::url::BackendUrl;

/// A URL scheme and what opens it.
///
/// ```
/// use std::sync::Arc;
/// use cache_core::{Backend, BackendUrl, Result, Scheme};
/// # fn open(_: &BackendUrl) -> Result<Arc<dyn Backend>> { Err(cache_core::Error::config("…")) }
///
/// cache_core::submit_scheme!(Scheme::new(&["mine"], &["directory"], open));
/// ```
#[derive(Debug)]
pub struct Scheme {
    names: &'static [&'static str],
    options: Option<&'static [&'static str]>,
    open: fn(&BackendUrl) -> Result<Arc<dyn Backend>>,
}

/// Options that every scheme understands, because the route takes care of them.
pub(crate) const COMMON_OPTIONS: &[&str] = &[
    "ttl",
    "key_prefix",
    "namespace",
    "version",
    "timeout",
    "enable",
    "codec",
    "compress",
    "secret",
    "hash_key",
    "digestmod",
    "require",
    "suppress",
    "safe",
];

impl Scheme {
    /// A scheme with its spellings, its own options, and what opens a URL of it.
    pub const fn new(
        names: &'static [&'static str],
        options: &'static [&'static str],
        open: fn(&BackendUrl) -> Result<Arc<dyn Backend>>,
    ) -> Self {
        Self { names, options: Some(options), open }
    }

    /// The same scheme, ignoring options it does not know.
    #[must_use]
    pub const fn with_any_option(self) -> Self {
        Self { options: None, ..self }
    }
}

inventory::collect!(Scheme);

/// Makes a [`Scheme`] known to every cache of the program.
#[macro_export]
macro_rules! submit_scheme {
    ($scheme:expr) => {
        $crate::__private::inventory::submit! { $scheme }
    };
}

/// Schemes that a feature of the front door brings, for the message when it is missing.
const BY_FEATURE: &[(&str, &str)] = &[
    ("redis", "redis"),
    ("rediss", "redis"),
    ("redis+unix", "redis"),
    ("memcached", "memcached"),
    ("disk", "disk"),
];

/// Opens the backend a URL names.
pub(crate) fn open(url: &BackendUrl) -> Result<Arc<dyn Backend>> {
    check(url)?;
    (find(url)?.open)(url)
}

/// Whether there is such a scheme, with such options. Opens nothing.
pub(crate) fn check(url: &BackendUrl) -> Result<()> {
    check_options(url)?;
    match find(url)?.options {
        Some(options) => url.check_options(options, COMMON_OPTIONS),
        None => Ok(()),
    }
}

/// The options a URL may have; `None` if it may have any.
pub(crate) fn options(url: &BackendUrl) -> Result<Option<Vec<&'static str>>> {
    Ok(find(url)?.options.map(|options| [options, COMMON_OPTIONS].concat()))
}

fn find(url: &BackendUrl) -> Result<&'static Scheme> {
    inventory::iter::<Scheme>
        .into_iter()
        .find(|scheme| scheme.names.contains(&url.scheme()))
        .ok_or_else(|| unknown(url.scheme()))
}

/// Whether somebody answers to this scheme.
pub(crate) fn is_known(name: &str) -> bool {
    inventory::iter::<Scheme>.into_iter().any(|scheme| scheme.names.contains(&name))
}

fn unknown(name: &str) -> Error {
    if let Some((_, feature)) = BY_FEATURE.iter().find(|(scheme, _)| *scheme == name) {
        return Error::config(format!(
            "`{name}://` needs the feature \"{feature}\": macadamia = {{ version = \"{}\", features = [\"{feature}\"] }}",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut known: Vec<_> =
        inventory::iter::<Scheme>.into_iter().flat_map(|scheme| scheme.names).copied().collect();
    known.sort_unstable();
    Error::config(format!("no backend answers to `{name}://`; there are: {}", known.join(", ")))
}
