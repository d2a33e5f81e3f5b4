//! A value on its way into a chain, and out of it into the form that a backend keeps.

use std::any::Any;
use std::sync::Arc;

use crate::backend::{Backend, Form};
use crate::coder::Coding;
use crate::entry::{Entry, Kind};
use crate::error::Result;
use crate::key::Key;

/// A value about to be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Item {
    /// Where.
    pub key: Key,
    /// The value as the type it is: it is encoded behind the chain, and only where the backend keeps bytes.
    pub entry: Arc<Entry>,
    /// How it becomes bytes, if its type can.
    pub coding: Coding,
}

impl Item {
    /// The entry under the key.
    pub const fn new(key: Key, entry: Arc<Entry>, coding: Coding) -> Self {
        Self { key, entry, coding }
    }

    /// The bytes of the encoded value, without those of its key; `None` for a value that does not encode. Measured
    /// without encoding into memory, also where the backend keeps objects.
    pub fn size(&self) -> Option<usize> {
        match self.entry.payload() {
            Some(bytes) => Some(bytes.len()),
            None => self.coding.encoded_len(&self.entry),
        }
    }
}

/// A value on its way through a chain, with the codec that waits behind it.
struct Unencoded {
    entry: Arc<Entry>,
    coding: Coding,
}

/// The entry as a [`Layered`] backend wants it: not encoded yet.
pub(crate) fn unencoded(entry: Arc<Entry>, coding: Coding) -> Arc<Entry> {
    let meta = entry.meta();
    Entry::new(Unencoded { entry, coding }, meta)
}

/// The entry in the form that a backend keeps.
pub(crate) fn encoded(backend: &dyn Backend, entry: Arc<Entry>, coding: Coding) -> Result<Arc<Entry>> {
    if backend.form() == Form::Objects || entry.payload().is_some() || entry.encoded().is_some() {
        return Ok(entry);
    }
    if entry.kind() == Kind::Value
        && backend.counts()
        && let Some(number) = whole_number(entry.value())
    {
        return Ok(entry.with_value(number));
    }
    coding.encode(&entry)
}

/// A value of an integer type, if 64 bits with a sign hold it.
fn whole_number(value: &dyn Any) -> Option<i64> {
    macro_rules! one_of {
        ($($int:ty)*) => {
            $(if let Some(number) = value.downcast_ref::<$int>() {
                return i64::try_from(*number).ok();
            })*
        };
    }
    one_of!(i64 i32 u64 u32 usize isize i16 u16 i8 u8);
    None
}

/// What a backend of a chain was given, taken apart.
pub(super) fn item(key: Key, entry: Arc<Entry>) -> Item {
    match entry.downcast_ref::<Unencoded>() {
        Some(inner) => Item::new(key, Arc::clone(&inner.entry), inner.coding),
        None => Item::new(key, entry, Coding::NONE),
    }
}
