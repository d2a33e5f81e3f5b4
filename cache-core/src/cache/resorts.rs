//! What `#[fail]` keeps of a key goes with the key when that is invalidated.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Cache;
use crate::backend::Form;
use crate::error::Result;
use crate::key::{Key, is_reserved, shortened_head};
use crate::pattern::Pattern;
use crate::strategy::fail::PREFIX;

/// Whether a function with `#[fail]` was ever called here, in whatever cache: one memory may serve several.
static USED: AtomicBool = AtomicBool::new(false);

/// A function with `#[fail]` is called.
pub(crate) fn used() {
    if !USED.load(Ordering::Relaxed) {
        USED.store(true, Ordering::Relaxed);
    }
}

impl Cache {
    /// Removes the keys that match, and what `#[fail]` keeps of them. Both are tried; the first error is told.
    pub(crate) async fn invalidate_match(&self, pattern: &Pattern) -> Result<u64> {
        let removed = self.remove_match(pattern).await;
        let resorts = self.remove_resorts(pattern).await;
        Ok(removed? + resorts?)
    }

    /// The same for one key; tells whether there was anything.
    pub(crate) async fn invalidate(&self, key: &Key) -> Result<bool> {
        let removed = self.remove(key).await;
        let resorts = self.remove_resorts(&Pattern::new(key.as_str())).await;
        Ok(removed? || resorts? > 0)
    }

    async fn remove_resorts(&self, pattern: &Pattern) -> Result<u64> {
        let head = pattern.literal_head();
        if is_reserved(head) {
            return Ok(0);
        }
        let resorts = match shortened_head(pattern.as_str()).filter(|_| pattern.is_literal()) {
            // Behind another prefix a long key ends in another digest.
            Some(kept) => Pattern::new([PREFIX, kept, "*"].concat()),
            None => Pattern::new([PREFIX, pattern.as_str()].concat()),
        };
        // Into a memory nobody else can have put any.
        let shared = || self.routes_of(&resorts).any(|route| route.form() == Form::Bytes);
        if USED.load(Ordering::Relaxed) || shared() { self.remove_matching(&resorts).await } else { Ok(0) }
    }
}
