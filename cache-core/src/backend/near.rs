//! Entries of a server, kept decoded in this process for as long as the server would tell of a change.

use std::sync::Arc;

use crate::entry::Entry;
use crate::key::{Key, KeyRef};
use crate::tag::Stamp;

/// What was known of a key's changes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u64);

/// Decoded entries of a server, in this process.
///
/// ```text
/// mark(key) ── read from the server ── decode ── keep(key, mark, entry)      refused if the key has changed since `mark`
/// ```
///
/// The cache does this around every read whose value has a type: computed answers, `None` and errors that are kept,
/// values of `cache.set`, numbers that are counted. What is read as bytes is not offered, nor that there is
/// nothing. Entries near are shown by [`Backend::peek`](crate::Backend::peek) and [`get`](Near::get) as they were kept;
/// whether one is alive, of the right type and of the right version is the cache's judgement, and what does not fit is
/// asked of the server, and takes its place.
///
/// What must hold: whoever writes the key through the backend has it gone before the command returns, also if the
/// command fails or is dropped; a change by anybody else ends it as soon as the server tells of it; and while changes
/// cannot be told, nothing is shown.
pub trait Near: Send + Sync {
    /// What is known of the key's changes, asked before it is read. `None`: changes are not told now, so nothing may be
    /// kept.
    fn mark(&self, key: &Key) -> Option<Mark>;

    /// Keeps what was read, unless the key has changed since the mark, or a tag of the entry is over. Its stamps are
    /// those that [`stamp`](Near::stamp) gave.
    fn keep(&self, key: &Key, mark: Mark, entry: &Arc<Entry>);

    /// The entry that [`peek`](crate::Backend::peek) would show.
    fn get(&self, key: KeyRef<'_>) -> Option<Arc<Entry>>;

    /// A stamp of this generation that ends when the server tells that the tag was deleted. `None`: it is not known
    /// that this is the present one, so entries that carry it are not kept. Known is what
    /// [`generations`](crate::Backend::generations) told, until a change is told.
    fn stamp(&self, _tag: &Key, _nonce: u64) -> Option<Stamp> {
        None
    }
}

/// The place near where an entry that was just read may be kept.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) key: Key,
    pub(crate) mark: Mark,
}

impl Offer {
    /// Keeps the entry, if all its tags are known to stand for as long as nothing is told. It is the same entry, with
    /// stamps that know by themselves whether they hold.
    pub(crate) fn take(&self, near: &dyn Near, entry: Arc<Entry>) -> Arc<Entry> {
        let stamp = |stamp: &Stamp| {
            if stamp.is_live() { Some(stamp.clone()) } else { near.stamp(stamp.tag(), stamp.nonce()) }
        };
        let Some(stamps) = entry.stamps().iter().map(stamp).collect::<Option<Vec<_>>>() else { return entry };
        let entry = entry.stamped(stamps);
        if entry.stamps().iter().all(Stamp::is_live) {
            near.keep(&self.key, self.mark, &entry);
        }
        entry
    }
}
