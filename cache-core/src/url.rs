//! Backend URLs: `scheme://[user[:password]@]host[:port][/path][?option=value&…]`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::ttl::Ttl;

/// A backend URL, taken apart. Its `Debug` and `Display` never show a password or secret.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendUrl {
    text: String,
    scheme: String,
    user: Option<String>,
    password: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    options: Vec<(String, String)>,
    /// Among the options: they may be the rest of a login with a bare `?` in it.
    has_bare_at: bool,
}

/// What a URL says before its options, given in parts.
pub(crate) struct Address {
    pub(crate) scheme: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) path: String,
}

impl BackendUrl {
    /// The URL of this address, without options.
    pub(crate) fn of(address: Address) -> Self {
        let Address { scheme, user, password, host, port, path } = address;
        let scheme = scheme.to_ascii_lowercase();
        let shown_port = port.map_or_else(String::new, |port| format!(":{port}"));
        let text = format!("{scheme}://{host}{shown_port}/{path}");
        Self { text, scheme, user, password, host, port, path, options: Vec::new(), has_bare_at: false }
    }

    /// The same with this option, whatever it said of it before; as often as there are values.
    pub(crate) fn with_option(mut self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        // Two spellings of one option: what is said last holds.
        const SAME: [[&str; 2]; 2] = [["key_prefix", "namespace"], ["secret", "hash_key"]];
        let same = |known: &str| {
            known == name || SAME.iter().any(|same| same.contains(&known) && same.contains(&name))
        };
        self.options.retain(|(known, _)| !same(known));
        self.options.extend(values.into_iter().map(|value| (name.to_owned(), value)));
        self
    }

    /// Takes a URL apart.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Error::config(format!(
                "`{}` is not a backend URL: write it as scheme://…, for example \"mem://\"",
                scrub(text)
            )));
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').map_or((login, None), |(user, pw)| (user, Some(pw)));
        let (host, port) = split_port(address).ok_or_else(|| {
            // Not quoted: a login with a bare `/` or `?` in it looks like an address.
            Error::config(format!(
                "the URL of scheme `{scheme}` has no readable host:port; write `/`, `?`, `#` and `@` in a login as \
                 %2F, %3F, %23 and %40"
            ))
        })?;
        let mut options = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            options.push((decode(name)?.to_ascii_lowercase(), decode(value)?));
        }
        Ok(Self {
            text: scrub(text),
            scheme: scheme.to_ascii_lowercase(),
            user: (!user.is_empty()).then(|| decode(user)).transpose()?,
            password: password.map(decode).transpose()?,
            host: decode(host)?,
            port,
            path: decode(path)?,
            options,
            has_bare_at: query.contains('@'),
        })
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The user name.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The host, or `""`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path without its leading slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An option's text; the last one wins.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every text of an option that may come several times, in their order.
    pub fn options(&self, name: &str) -> impl Iterator<Item = &str> {
        self.options.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An option as a number or whatever parses; a value that does not parse is an error naming it.
    pub fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>> {
        self.option(name)
            .map(|value| value.parse().map_err(|_| self.bad_option(name, value, what)))
            .transpose()
    }

    /// An option as a switch: `1`, `true`, `yes`, `on` or nothing for on; `0`, `false`, `no`, `off` for off.
    pub fn switch(&self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.option(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "" | "1" | "true" | "yes" | "on" => Ok(Some(true)),
            "0" | "false" | "no" | "off" => Ok(Some(false)),
            _ => Err(self.bad_option(name, value, "true or false")),
        }
    }

    /// An option as a duration: `90`, `0.5` (seconds), `250ms`, `1h`; zero is allowed.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        let Some(value) = self.option(name) else { return Ok(None) };
        if let Ok(seconds) = value.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds)
                .map(Some)
                .map_err(|_| self.bad_option(name, value, "a duration"));
        }
        match Ttl::parse(value) {
            Ok(ttl) if ttl.duration().is_some() => Ok(ttl.duration()),
            _ => Err(self.bad_option(name, value, "a duration such as 250ms or 10s")),
        }
    }

    /// Fails on the first option that is in neither list, naming the options there are.
    pub fn check_options(&self, known: &[&str], common: &[&str]) -> Result<()> {
        match self.options.iter().find(|(name, _)| !known.iter().chain(common).any(|ok| ok == name)) {
            None => Ok(()),
            Some(_) if self.has_bare_at => Err(Error::config(format!(
                "the URL of scheme `{}` has an `@` among its options, and some that there are not; write `/`, `?`, `#` and \
                 `@` in a login as %2F, %3F, %23 and %40",
                self.scheme
            ))),
            Some((name, _)) => Err(Error::config(format!(
                "`{}` has no option `{name}`; it has: {}",
                self.scheme,
                known.iter().chain(common).copied().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    fn bad_option(&self, name: &str, value: &str, what: &str) -> Error {
        let value = if self.has_bare_at { "…" } else { value };
        Error::config(format!("option `{name}={value}` of `{}`: expected {what}", self.scheme))
    }
}

/// Host and port; IPv6 addresses stand in brackets.
fn split_port(address: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        return match tail.strip_prefix(':') {
            Some(port) => Some((host, Some(port.parse().ok()?))),
            None => tail.is_empty().then_some((host, None)),
        };
    }
    match address.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((address, None)),
    }
}

fn decode(text: &str) -> Result<String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::config("a backend URL contains percent-encoded bytes that are not UTF-8"))
}

/// The URL without its login and without the values of options, for messages. What may be a login is taken for one.
fn scrub(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (login, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("…@", rest),
        None => ("", rest),
    };
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let address = base.split('/').next().unwrap_or_default();
    let is_readable = if scheme.is_empty() { !base.contains(':') } else { split_port(address).is_some() };
    let base = if is_readable { base } else { "…" };
    let names: Vec<_> =
        query.split('&').filter_map(|pair| pair.split('=').next()).filter(|n| !n.is_empty()).collect();
    let (mark, names) = if names.is_empty() { ("", String::new()) } else { ("?", names.join("&")) };
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{login}{base}{mark}{names}")
}

impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BackendUrl").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart() {
        let url = BackendUrl::parse("Redis://al:p%40ss@h.example:6380/2?ttl=1h&SAFE=0&timeout=0.5").unwrap();
        assert_eq!((url.scheme(), url.user(), url.password()), ("redis", Some("al"), Some("p@ss")));
        assert_eq!((url.host(), url.port(), url.path()), ("h.example", Some(6380), "2"));
        assert_eq!(url.duration("ttl").unwrap(), Some(Duration::from_secs(3600)));
        assert_eq!(url.duration("timeout").unwrap(), Some(Duration::from_millis(500)));
        assert_eq!(url.switch("safe").unwrap(), Some(false));
    }

    #[test]
    fn short_forms_are_complete() {
        let url = BackendUrl::parse("mem://").unwrap();
        assert_eq!((url.host(), url.port(), url.path(), url.option("size")), ("", None, "", None));
        let url = BackendUrl::parse("redis://localhost?ttl=600").unwrap();
        assert_eq!((url.host(), url.option("ttl")), ("localhost", Some("600")));
        assert_eq!(BackendUrl::parse("redis://[::1]:7000").unwrap().port(), Some(7000));
    }

    #[test]
    fn no_message_shows_a_password_or_secret() {
        let url = BackendUrl::parse("redis://u:hunter2@h/0?secret=s3cret&ttl=1").unwrap();
        for text in [url.to_string(), format!("{url:?}")] {
            assert!(!text.contains("hunter2") && !text.contains("s3cret"), "{text}");
        }
        for wrong in [
            "u:hunter2@h?secret=s3cret",
            "redis://u:hunter2/x@h",
            "redis://u:hunter2?x@h",
            "u:hunter2@h",
            "redis:/u:hunter2@h",
            "redis:u:hunter2",
            "redis://u:hunter2",
        ] {
            match BackendUrl::parse(wrong) {
                Ok(url) => assert!(!format!("{url} {url:?}").contains("hunter2"), "{url}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!error.contains("hunter2") && !error.contains("s3cret"), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_may_be_the_rest_of_a_login_is_not_shown() {
        for url in [
            "redis://:123?s3cret@host:6379/0",
            "redis://:123?s3cret&more@host",
            "redis://:123?s3cret=1&x=2@host",
            "redis://:123?db=s3cret@host",
        ] {
            let url = BackendUrl::parse(url).unwrap();
            let unknown = url.check_options(&["size"], &[]).unwrap_err().to_string();
            let bad = url.parsed::<u32>("db", "a number").err();
            let said = format!("{unknown} {bad:?} {url} {url:?}");
            assert!(!said.contains("3cret"), "{said}");
        }
        let url = BackendUrl::parse("mem://?sise=3").unwrap();
        assert!(url.check_options(&["size"], &[]).unwrap_err().to_string().contains("`sise`"));
    }

    #[test]
    fn bad_options_say_what_was_expected() {
        let url = BackendUrl::parse("mem://?size=many&seize=1").unwrap();
        let message = url.parsed::<u64>("size", "a number of entries").unwrap_err().to_string();
        assert_eq!(message, "option `size=many` of `mem`: expected a number of entries");
        let message = url.check_options(&["size"], &["ttl"]).unwrap_err().to_string();
        assert_eq!(message, "`mem` has no option `seize`; it has: size, ttl");
    }
}
