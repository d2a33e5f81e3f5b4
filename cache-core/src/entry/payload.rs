//! A value as bytes, between its codec and the envelope.

use bytes::Bytes;

use crate::codec::ids;

/// The bytes of a value as its codec wrote them, and what is needed to read them again.
///
/// What a backend of bytes keeps is one layer further out: [`Encoded`](crate::Encoded).
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: Bytes,
    codec: u8,
    schema: u64,
    /// All that the backend keeps, to compare by.
    sealed: Option<Bytes>,
}

impl Payload {
    pub(crate) const fn new(codec: u8, schema: u64, bytes: Bytes) -> Self {
        Self { bytes, codec, schema, sealed: None }
    }

    /// Bytes past any codec.
    pub(crate) const fn raw(bytes: Bytes) -> Self {
        Self::new(ids::RAW, 0, bytes)
    }

    /// Of an answer without a value.
    pub(crate) const fn nothing() -> Self {
        Self::new(ids::NOTHING, 0, Bytes::new())
    }

    /// A whole number, whatever type it was.
    pub(crate) fn of_number(number: i64) -> Self {
        Self::new(ids::NUMBER, 0, Bytes::copy_from_slice(itoa::Buffer::new().format(number).as_bytes()))
    }

    /// The same, out of these bytes.
    pub(crate) fn sealed_as(self, sealed: Bytes) -> Self {
        Self { sealed: Some(sealed), ..self }
    }

    /// What the codec wrote.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) const fn codec(&self) -> u8 {
        self.codec
    }

    pub(crate) const fn schema(&self) -> u64 {
        self.schema
    }

    pub(crate) const fn sealed(&self) -> Option<&Bytes> {
        self.sealed.as_ref()
    }

    /// Whether no codec wrote it.
    pub(crate) const fn is_untyped(&self) -> bool {
        self.codec == ids::RAW && self.schema == 0
    }

    /// The whole number it is.
    pub(crate) fn number(&self) -> Option<i64> {
        if self.codec != ids::NUMBER {
            return None;
        }
        std::str::from_utf8(&self.bytes).ok()?.parse().ok()
    }
}
