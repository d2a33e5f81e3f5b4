//! What an envelope tells of what is in it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::entry::Kind;
use crate::key::Key;

/// What an envelope says about its payload. Times are wall nanoseconds since 1970, and `u64::MAX` is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What the entry answers.
    pub kind: Kind,
    /// Which codec made the payload.
    pub codec: u8,
    /// Fingerprint of the shape of the value's type.
    pub schema: u64,
    /// The `version = …` of the attribute that stored it.
    pub version: u32,
    /// When it was stored.
    pub stored: u64,
    /// When it stops being used.
    pub expires: u64,
    /// Until when it need not be refreshed.
    pub fresh_until: u64,
    /// How long the value took to compute: 584 years at most.
    pub cost: Duration,
    /// Which store of the key it is.
    pub nonce: u64,
}

/// An envelope that was verified and taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// What it says about its payload.
    pub head: Head,
    /// Tags, each with the nonce of the generation it was stored in.
    pub tags: Vec<(Key, u64)>,
    /// The encoded value: part of the sealed bytes where it was not compressed.
    pub payload: Bytes,
}

impl fmt::Debug for Opened {
    /// Without the value, as entries print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("head", &self.head)
            .field("tags", &self.tags)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}
