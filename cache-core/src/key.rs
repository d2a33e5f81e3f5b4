//! Keys: the text under which an entry is found, written from typed parts so that no two calls that
//! differ share one.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, LazyLock};

use foldhash::fast::RandomState;

pub(crate) mod filter;
mod part;
mod writer;

pub use filter::{KeyLen, RawText};
pub use part::KeyPart;
pub(crate) use writer::shortened_head;
pub use writer::{KeyBuf, KeyWriter};

/// Longer keys end in a digest of the whole.
pub const MAX_KEY: usize = 8 * 1024;

/// Prefixes of what is kept beside values: guards, last resorts, counters, generations.
pub const RESERVED: [&str; 7] =
    ["lock:", "rate_limit:", "circuit_breaker:", "perf:", "fail:", "hit:", "gen:"];

/// Whether the key lies under a reserved prefix.
pub(crate) fn is_reserved(key: &str) -> bool {
    reserved_prefix(key).is_some()
}

/// The reserved prefix that the key begins with.
pub(crate) fn reserved_prefix(key: &str) -> Option<&'static str> {
    RESERVED.into_iter().find(|prefix| key.starts_with(prefix))
}

/// One seed for the process: a key is hashed once and every table uses that hash.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = HASHER.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// A key lent for one command: its text and the hash of it.
///
/// The bytes are always UTF-8; they are kept as bytes because a lookup compares bytes.
#[derive(Clone, Copy, Eq)]
pub struct KeyRef<'a> {
    hash: u64,
    bytes: &'a [u8],
}

impl<'a> KeyRef<'a> {
    /// The key with this text.
    pub fn new(text: &'a str) -> Self {
        Self { hash: hash(text.as_bytes()), bytes: text.as_bytes() }
    }

    #[inline]
    pub(crate) fn from_parts(hash: u64, bytes: &'a [u8]) -> Self {
        Self { hash, bytes }
    }

    /// The hash every table of this process uses for this key. Differs between processes.
    #[inline]
    pub const fn hash(self) -> u64 {
        self.hash
    }

    /// The text as bytes.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        // Written through `&str` only, so this cannot fail; an empty key is the harmless answer if it did.
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// A copy that can be kept.
    pub fn to_key(self) -> Key {
        Key { hash: self.hash, text: self.as_str().into() }
    }
}

impl PartialEq for KeyRef<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && same(self.bytes, other.bytes)
    }
}

/// Equality of short texts eight bytes at a time: a call of `memcmp` costs more than most keys.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let words = a_words.iter().zip(b_words).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b));
    words && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A key that can be kept: cheap to clone, usable wherever a command takes a key.
///
/// ```
/// use cache_core::Key;
///
/// let key = Key::from("user:7");
/// assert_eq!(key.as_str(), "user:7");
/// assert_eq!(key.to_string(), "user:7");
/// ```
#[derive(Clone)]
pub struct Key {
    hash: u64,
    text: Arc<str>,
}

impl Key {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key, lent.
    #[inline]
    pub fn as_key(&self) -> KeyRef<'_> {
        KeyRef { hash: self.hash, bytes: self.text.as_bytes() }
    }

    /// The hash every table of this process uses for this key.
    #[inline]
    pub const fn hash(&self) -> u64 {
        self.hash
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}

impl Eq for Key {}

impl std::hash::Hash for Key {
    /// Feeds the hash already made, so that tables can use it as it is.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        KeyRef::new(text).to_key()
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self { hash: hash(text.as_bytes()), text: text.into() }
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        &*self.text == other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        &*self.text == *other
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

/// What a command takes for a key: text, a [`Key`] of a handle, or `key!(…)`.
pub trait IntoKey {
    /// The key meant.
    fn into_key(self) -> Key;
}

impl<K: AsRef<str>> IntoKey for K {
    fn into_key(self) -> Key {
        let text: &str = self.as_ref();
        let mut buf = KeyBuf::new();
        buf.literal(text);
        buf.as_key().to_key()
    }
}

/// Hashers for tables whose keys bring their hash along ([`Key`], [`KeyRef`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct PrehashedState;

impl BuildHasher for PrehashedState {
    type Hasher = Prehashed;

    fn build_hasher(&self) -> Prehashed {
        Prehashed(0)
    }
}

/// Passes a ready hash through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prehashed(u64);

impl Hasher for Prehashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }
}

impl std::hash::Hash for KeyRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
