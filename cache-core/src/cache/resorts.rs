//! What `#[fail]` keeps of a key goes with the key when that is invalidated.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Cache;
use crate::backend::Form;
use crate::command::Removed;
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
    pub(crate) async fn invalidate_match(&self, pattern: &Pattern) -> Removed {
        let mut removed = self.remove_match(pattern).await;
        removed.add(self.remove_resorts(pattern).await);
        removed
    }

    /// The same for one key, and what is kept under the resorts of a pattern; tells whether there was anything.
    pub(crate) async fn invalidate(&self, key: &Key, also: &Pattern) -> Result<bool> {
        let removed = self.remove(key).await;
        let mut pattern = Pattern::new(key.as_str());
        for resort in also.resorts() {
            pattern = pattern.with_resort(Pattern::new(resort));
        }
        let resorts = self.remove_resorts(&pattern).await;
        Ok(removed? || resorts? > 0)
    }

    async fn remove_resorts(&self, pattern: &Pattern) -> Result<u64> {
        let behind = (!is_reserved(pattern.literal_head())).then(|| behind_prefix(pattern));
        let others = pattern.resorts().iter().map(Pattern::new);
        let mut removed = Removed::nothing();
        for resorts in behind.into_iter().chain(others) {
            // Into a memory nobody else can have put any.
            let shared = || self.routes_of(&resorts).any(|route| route.form() == Form::Bytes);
            if !USED.load(Ordering::Relaxed) && !shared() {
                continue;
            }
            removed.add(self.remove_matching(&resorts).await.all());
        }
        removed.all()
    }
}

/// What is kept of these keys behind the reserved prefix.
fn behind_prefix(pattern: &Pattern) -> Pattern {
    match shortened_head(pattern.as_str()).filter(|_| pattern.is_literal()) {
        // Behind another prefix a long key ends in another digest.
        Some(kept) => Pattern::new([PREFIX, kept, "*"].concat()),
        None => Pattern::new([PREFIX, pattern.as_str()].concat()),
    }
}
