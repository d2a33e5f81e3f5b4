//! What the tests of envelopes share.
#![allow(dead_code, reason = "each of them uses some of it")]

use std::time::Duration;

use bytes::Bytes;
use cache_core::Kind;
use cache_core::envelope::{Digest, Envelope, Head, Keyring};
use twox_hash::XxHash3_64;

pub(crate) const SECRET: &str = "a secret of 32 bytes, as they say";

/// A head in which every field is another.
pub(crate) const fn head() -> Head {
    Head {
        kind: Kind::Value,
        codec: 0xA1,
        schema: 0x5C4E_3A01_0203_0405,
        version: 0xBEEF_0007,
        stored: 1_700_000_000_123_456_789,
        expires: 1_700_000_600_123_456_789,
        fresh_until: 1_700_000_300_123_456_789,
        cost: Duration::from_nanos(2_500_000_042),
        nonce: 0x0123_4567_89AB_CDEF,
    }
}

pub(crate) fn keys(digest: Digest, secrets: &[&str]) -> Keyring {
    Keyring::new(digest, secrets).expect("good secrets")
}

pub(crate) fn signed(digest: Digest) -> Envelope {
    Envelope::new().signed(keys(digest, &[SECRET]))
}

/// Every way to vouch for an entry.
pub(crate) fn trailers() -> [(&'static str, Envelope); 3] {
    [("unsigned", Envelope::new()), ("sha256", signed(Digest::Sha256)), ("sha1", signed(Digest::Sha1))]
}

/// With the checksum that belongs to it, as anybody can make who can write to the backend.
pub(crate) fn vouched(key: &str, mut body: Vec<u8>) -> Bytes {
    let checksum = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(key.as_bytes()), &body);
    body.extend_from_slice(&checksum.to_le_bytes());
    body.into()
}
