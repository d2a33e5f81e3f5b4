//! Middleware that only changes keys: a hit stays synchronous.

use std::borrow::Cow;

use super::Middleware;
use crate::error::{Error, Result};
use crate::key::is_reserved;

/// Puts a text and `:` before every key, tag and pattern, so that several services share a server without colliding.
///
/// The same as the option `key_prefix` of a URL or route, at a place of your choice in the chain. `scan` gives keys
/// without it, `clear` removes only what has it: `foo` and `foobar` do not touch each other. A prefix `a:b` lies
/// inside the prefix `a`. Raw commands are not changed.
///
/// Of two prefixes in one chain the inner one stands in front.
///
/// ```
/// use cache_core::Middleware;
/// use cache_core::middleware::KeyPrefix;
///
/// let prefix = KeyPrefix::new("svc");
/// assert_eq!(prefix.map_key("user:7"), "svc:user:7");
/// assert_eq!(prefix.unmap_key("svc:user:7").as_deref(), Some("user:7"));
/// assert_eq!(prefix.unmap_key("svcs:user:7"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// This prefix; the empty one changes nothing.
    ///
    /// One with `*` in it, or one that makes a reserved prefix (`lock`), is refused when a cache with it is built.
    pub fn new(prefix: impl Into<String>) -> Self {
        let mut prefix = prefix.into();
        if !prefix.is_empty() {
            prefix.push(':');
        }
        Self(prefix)
    }

    /// What is put before a key, with its `:`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Middleware for KeyPrefix {
    fn check(&self) -> Result<()> {
        let shown = self.0.strip_suffix(':').unwrap_or_default();
        if shown.contains('*') {
            return Err(Error::config(format!(
                "`key_prefix` = `{shown}`: `*` would be a wildcard in patterns"
            )));
        }
        if is_reserved(&self.0) {
            return Err(Error::config(format!("`key_prefix` = `{shown}`: `{}` is reserved", self.0)));
        }
        Ok(())
    }

    fn sees_hits(&self) -> bool {
        false
    }

    fn map_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.0.is_empty() { Cow::Borrowed(key) } else { Cow::Owned([&self.0, key].concat()) }
    }

    fn unmap_key<'k>(&self, key: &'k str) -> Option<Cow<'k, str>> {
        key.strip_prefix(&*self.0).map(Cow::Borrowed)
    }
}

/// Takes keys that differ only in upper and lower case for one: `User:7` and `user:7` **are one entry**.
///
/// For keys that come from where case means nothing, such as host names. Not where it means something: base64 and
/// many identifiers differ by case alone, and one would be answered with the other's value. Tags and patterns are
/// lower-cased too; a scan gives the lower-case keys. To lower one value of a key write `<name:lower>` instead.
///
/// ```
/// use cache_core::Middleware;
/// use cache_core::middleware::LowerKeys;
///
/// assert_eq!(LowerKeys.map_key("Host:EXAMPLE.org"), "host:example.org");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LowerKeys;

impl Middleware for LowerKeys {
    fn sees_hits(&self) -> bool {
        false
    }

    fn map_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if key.chars().any(char::is_uppercase) { Cow::Owned(key.to_lowercase()) } else { Cow::Borrowed(key) }
    }
}
