//! A value on its way into a chain, and out of it into the form that a backend keeps.

use std::sync::Arc;

use crate::backend::{Backend, Form};
use crate::codec::Codec;
use crate::entry::{Encoded, Entry, Kind};
use crate::error::{Error, Result};
use crate::key::Key;

/// A value about to be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Item {
    /// Where.
    pub key: Key,
    /// The value as the type it is: it is encoded behind the chain, and only where the backend keeps bytes.
    pub entry: Arc<Entry>,
    /// How it becomes bytes; `None` if its type cannot.
    pub codec: Option<Codec>,
}

impl Item {
    /// The entry under the key.
    pub const fn new(key: Key, entry: Arc<Entry>, codec: Option<Codec>) -> Self {
        Self { key, entry, codec }
    }

    /// The bytes of the encoded value, without those of its key; `None` for a value that does not encode. Measured
    /// without encoding into memory, also where the backend keeps objects.
    pub fn size(&self) -> Option<usize> {
        if let Some(bytes) = self.entry.encoded() {
            return Some(bytes.len());
        }
        if self.entry.kind() == Kind::Absent {
            return Some(0);
        }
        self.codec.and_then(|codec| codec.encoded_len(self.entry.value()))
    }
}

/// A value on its way through a chain, with the codec that waits behind it.
struct Unencoded {
    entry: Arc<Entry>,
    codec: Option<Codec>,
}

/// The entry as a [`Layered`] backend wants it: not encoded yet.
pub(crate) fn unencoded(entry: Arc<Entry>, codec: Option<&Codec>) -> Arc<Entry> {
    let meta = entry.meta();
    Entry::new(Unencoded { entry, codec: codec.copied() }, meta)
}

/// The entry in the form that a backend keeps.
pub(crate) fn encoded(backend: &dyn Backend, entry: Arc<Entry>, codec: Option<&Codec>) -> Result<Arc<Entry>> {
    let form = backend.form();
    if form == Form::Bytes
        && entry.kind() == Kind::Value
        && backend.counts()
        && let Some(number) = Codec::number(&entry)
    {
        return Ok(number);
    }
    match (form, codec) {
        (Form::Objects, _) => Ok(entry),
        (Form::Bytes, _) if entry.encoded().is_some() => Ok(entry),
        (Form::Bytes, Some(codec)) if entry.kind() == Kind::Value => codec.encode(&entry),
        // `None` has no value to encode.
        (Form::Bytes, _) if entry.kind() == Kind::Absent => {
            Ok(Entry::new(Encoded(bytes::Bytes::new()), entry.meta()).stamped(entry.stamps().to_vec()))
        }
        (Form::Bytes, _) => Err(Error::Codec {
            type_name: "this type",
            reason: "it has no serde implementation and the backend keeps bytes".into(),
        }),
    }
}

/// What a backend of a chain was given, taken apart.
pub(super) fn item(key: Key, entry: Arc<Entry>) -> Item {
    match entry.downcast_ref::<Unencoded>() {
        Some(inner) => Item::new(key, Arc::clone(&inner.entry), inner.codec),
        None => Item::new(key, entry, None),
    }
}
