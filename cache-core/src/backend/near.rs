//! Entries of a server, kept decoded in this process for as long as the server would tell of a change.

use std::sync::Arc;

use crate::entry::Entry;
use crate::key::Key;

/// What was known of a key's changes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u64);

/// Decoded entries of a server, in this process.
///
/// ```text
/// mark(key) ── read from the server ── decode ── keep(key, mark, entry)      refused if the key has changed since `mark`
/// ```
///
/// Whoever writes the key through the backend has it gone before the command returns.
pub trait Near: Send + Sync {
    /// What is known of the key's changes, asked before it is read. `None`: changes are not told now, so nothing may be
    /// kept.
    fn mark(&self, key: &Key) -> Option<Mark>;

    /// Keeps what was read, unless the key, or a tag of the entry, has changed since.
    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>);
}
