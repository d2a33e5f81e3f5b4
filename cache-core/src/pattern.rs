//! Patterns over keys: `*` is any run of characters, everything else stands for itself.

use std::fmt;

use crate::key::{KeyBuf, KeyPart, is_reserved, shortened_head};

/// A pattern, anchored at both ends. The only wildcard is `*`.
///
/// Values put into a pattern are escaped as in keys, so a `*` in a value never matches anything else.
///
/// ```
/// use cache_core::Pattern;
///
/// let pages = Pattern::new("items:page:*");
/// assert!(pages.matches("items:page:12"));
/// assert!(!pages.matches("items:pages"));
/// assert_eq!(pages.literal_head(), "items:page:");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    unkeyable: Option<&'static str>,
    /// Under what else answers of the same calls are kept, for when their function fails.
    resorts: Vec<String>,
}

impl Pattern {
    /// The pattern with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), unkeyable: None, resorts: Vec::new() }
    }

    /// Who invalidates this means that too.
    #[doc(hidden)]
    #[must_use]
    pub fn with_resort(mut self, resort: Self) -> Self {
        self.unkeyable = self.unkeyable.or(resort.unkeyable);
        self.resorts.push(resort.text);
        self
    }

    pub(crate) fn resorts(&self) -> &[String] {
        &self.resorts
    }

    /// Whether the pattern is a plain key.
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }

    /// The text before the first wildcard: every match begins with it.
    pub fn literal_head(&self) -> &str {
        self.text.split('*').next().unwrap_or_default()
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Why the arguments it was made from make no key; it then names nothing.
    pub const fn why_unkeyable(&self) -> Option<&'static str> {
        self.unkeyable
    }

    /// Whether `key` matches. Linear in the key for each piece between wildcards.
    ///
    /// Keys under a reserved prefix (locks, limits, last resorts) match only a pattern that names the prefix.
    pub fn matches(&self, key: &str) -> bool {
        if is_reserved(key) && !is_reserved(self.literal_head()) {
            return false;
        }
        if let Some(kept) = shortened_head(key) {
            // The rest of the key is a digest: what may match is taken to match. Deleting one entry too many is
            // harmless, one too few is not.
            let head = self.literal_head();
            let may = kept.starts_with(head) || head.starts_with(kept);
            return self.text == key || (!self.is_literal() && may);
        }
        let Some((head, rest)) = self.text.split_once('*') else { return self.text == key };
        let Some(mut key) = key.strip_prefix(head) else { return false };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            match key.find(piece) {
                Some(at) => key = &key[at + piece.len()..],
                None => return false,
            }
        }
        key.ends_with(tail)
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A key or pattern under construction: literals, escaped values, wildcards.
#[derive(Debug, Default)]
pub struct PatternBuf {
    text: KeyBuf,
    wild: bool,
}

impl PatternBuf {
    /// An empty pattern.
    pub const fn new() -> Self {
        Self { text: KeyBuf::new(), wild: false }
    }

    /// Appends literal text; a `*` in it is a wildcard.
    pub fn literal(&mut self, text: &str) {
        self.wild |= text.contains('*');
        self.text.literal(text);
    }

    /// Appends a value, escaped.
    pub fn part<P: KeyPart + ?Sized>(&mut self, part: &P) {
        self.text.part(part);
    }

    /// Appends a wildcard.
    pub fn any(&mut self) {
        self.wild = true;
        self.text.literal("*");
    }

    /// The key under construction, for filters.
    pub fn buf(&mut self) -> &mut KeyBuf {
        &mut self.text
    }

    /// Whether a wildcard was written.
    pub const fn is_wild(&self) -> bool {
        self.wild
    }

    /// The finished pattern; a key without wildcards is shortened as keys are.
    pub fn finish(mut self) -> Pattern {
        if !self.wild {
            self.text.finish();
        }
        Pattern { unkeyable: self.text.why_unkeyable(), ..Pattern::new(self.text.as_str()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_runs_and_everything_else_is_literal() {
        let check = |pattern: &str, key: &str, expected| {
            assert_eq!(Pattern::new(pattern).matches(key), expected, "{pattern} on {key}");
        };
        check("*", "", true);
        check("a", "a", true);
        check("a", "ab", false);
        check("a*", "a", true);
        check("a*b", "ab", true);
        check("a*b", "axxb", true);
        check("a*b", "axxbc", false);
        check("a*b*c", "aXbYc", true);
        check("a*bc*c", "abc", false);
        check("*b*", "abc", true);
        check("a**c", "abc", true);
        check("k[1]", "k[1]", true);
        check("k.", "kx", false);
        check("k?", "kx", false);
        check("x*", "x\ny", true);
        check("ab*ba", "aba", false);
        check("*", "lock:user:7", false);
        check("lock:*", "lock:user:7", true);
    }

    #[test]
    fn a_value_cannot_become_a_wildcard() {
        let mut pattern = PatternBuf::new();
        pattern.literal("user:");
        pattern.part("*");
        assert!(!pattern.is_wild());
        assert!(!pattern.finish().matches("user:7"));
    }
}
