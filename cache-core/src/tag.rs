//! Tags: names that many entries share, so that one deletion ends them all.
//!
//! A tag has a *generation*, a fresh nonce, and every entry carries those of its tags as they stood **before** it
//! was computed. Deleting a tag ends its generation; an entry of another one is no entry. So a deletion costs the
//! same for one entry and for a million, and what was being computed meanwhile is not valid either. A nonce and no
//! counter: a counter that was lost begins again, and old entries would become valid again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::key::{IntoKey, Key, KeyBuf};

/// One tag of an entry, and the generation it belongs to.
#[derive(Clone)]
pub struct Stamp {
    tag: Key,
    nonce: u64,
    /// Where the tag's records are in this process, so that an entry knows by itself.
    live: Option<Generation>,
}

/// The generation of a tag in this process. Backends keep one for each tag that an entry carries.
#[derive(Clone)]
pub struct Generation(Arc<AtomicU64>);

/// The mark of a generation that is over.
const OVER: u64 = 0;

impl Generation {
    /// A fresh one.
    #[expect(clippy::new_without_default, reason = "no two are equal")]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(fastrand::u64(1..))))
    }

    /// The one that a server knows by this number; zero is one that is over.
    pub fn of(nonce: u64) -> Self {
        Self(Arc::new(AtomicU64::new(nonce)))
    }

    /// Ends it: from now on no entry that carries it is valid.
    pub fn end(&self) {
        self.0.store(OVER, Ordering::Release);
    }

    /// Whether entries or computations carry it.
    pub fn is_carried(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Stamp {
    /// A stamp as a server keeps it: what it is worth must be asked there.
    pub const fn new(tag: Key, nonce: u64) -> Self {
        Self { tag, nonce, live: None }
    }

    /// A stamp that knows by itself whether it still holds.
    pub fn live(tag: Key, generation: &Generation) -> Self {
        Self { tag, nonce: generation.0.load(Ordering::Acquire), live: Some(generation.clone()) }
    }

    /// The tag.
    pub const fn tag(&self) -> &Key {
        &self.tag
    }

    /// The generation.
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Whether it is known, and not merely not known otherwise, that this holds.
    pub(crate) const fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Whether the generation stands, as far as is known here.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        match &self.live {
            Some(generation) => self.nonce != OVER && generation.0.load(Ordering::Acquire) == self.nonce,
            None => true,
        }
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0.load(Ordering::Acquire))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:x}", self.tag, self.nonce)
    }
}

/// The tags of a call, made from its arguments.
#[derive(Debug, Clone, Default)]
pub struct Tags {
    names: Vec<Key>,
    unkeyable: Option<&'static str>,
}

impl Tags {
    /// None yet.
    pub const fn new() -> Self {
        Self { names: Vec::new(), unkeyable: None }
    }

    /// One more, as a template wrote it.
    pub fn push(&mut self, mut tag: KeyBuf) {
        self.unkeyable = self.unkeyable.or(tag.why_unkeyable());
        let tag = tag.as_key().to_key();
        if !self.names.contains(&tag) {
            self.names.push(tag);
        }
    }

    /// These, each once.
    pub(crate) fn of<K: IntoKey>(names: impl IntoIterator<Item = K>) -> Self {
        let mut tags = Self::new();
        for name in names {
            let name = name.into_key();
            if !tags.names.contains(&name) {
                tags.names.push(name);
            }
        }
        tags
    }

    /// Their names.
    pub fn names(&self) -> &[Key] {
        &self.names
    }

    /// Why the arguments make no tag.
    pub const fn why_unkeyable(&self) -> Option<&'static str> {
        self.unkeyable
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_its_generation_ends() {
        let generation = Generation::new();
        let stamp = Stamp::live(Key::from("users"), &generation);
        assert!(stamp.holds() && generation.is_carried());
        generation.end();
        assert!(!stamp.holds());
        assert!(!Stamp::live(Key::from("users"), &generation).holds(), "a stamp of what is over holds");
        drop(stamp);
        assert!(!generation.is_carried());
    }

    #[test]
    fn equal_tags_are_one() {
        assert_eq!(Tags::of(["a", "b", "a"]).names().len(), 2);
    }
}
