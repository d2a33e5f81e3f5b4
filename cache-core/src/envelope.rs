//! What surrounds a value where only bytes are kept: whose it is, how long it lives, and who vouches for that.
//!
//! ```text
//! value ── codec ──> payload ── Envelope::seal ──> sealed bytes ── backend
//!                                                                     │
//! value <── codec ── payload <── Envelope::open <── sealed bytes <────┘
//!                                 │
//!                                 verify    signature or checksum, over the key and every byte
//!                                 bound     every length, by what is there and by what may be
//!                                 inflate   into what was announced, not a byte more or less
//! ```
//!
//! In that order: nothing is interpreted before it is verified but the first four bytes, which say that it is an
//! envelope, of which version, and how it claims to be verified. That claim must be what the route is configured
//! for; it chooses nothing.
//!
//! # The bytes of version 1
//!
//! Whole numbers are little endian. Times are nanoseconds since 1970, and the largest number is never.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 2 | `CA DA`: no UTF-8 and no number in digits begins like this |
//! | 2 | 1 | version of this format: 1 |
//! | 3 | 1 | flags: kind in bits 0 and 1, compression in 2 and 3, signature in 4 and 5; bits 6 and 7 are zero |
//! | 4 | 1 | codec of the payload |
//! | 5 | 1 | zero |
//! | 6 | 2 | how many tags there are |
//! | 8 | 8 | when it was stored |
//! | 16 | 8 | when it expires |
//! | 24 | 8 | until when it is fresh |
//! | 32 | 8 | how many nanoseconds its computation took |
//! | 40 | 8 | a nonce: no two stores have the same |
//! | 48 | 8 | fingerprint of the shape of the value's type |
//! | 56 | 4 | version of the function that stored it |
//! | 60 | 4 | length of the payload, inflated |
//! | 64 | | of each tag: its length (2), its text, the nonce of its generation (8) |
//! | | | the payload, up to the trailer |
//! | −8, −32, −20 | 8, 32, 20 | the trailer: XXH3-64, HMAC-SHA256 or HMAC-SHA1 |
//!
//! Kinds: 0 a value, 1 `None`, 2 an `Err`. Compressions: 0 none, 1 LZ4 (a block), 2 Zstandard (a frame).
//! Signatures: 0 a checksum, 1 HMAC-SHA256, 2 HMAC-SHA1.
//!
//! What is signed is `macadamia entry` and a zero byte, the length of the key (8), the key, and everything before
//! the trailer. The checksum is XXH3-64 of everything before the trailer, with XXH3-64 of the key for its seed. It
//! finds accidents (flipped bits, the reply to another question, a value under another key) and stops nobody who
//! means harm.

use bytes::Bytes;
use twox_hash::XxHash3_64;

use crate::error::{Error, Result};

mod compression;
mod head;
mod keyring;
mod layout;
mod unreadable;
#[cfg(feature = "zstd")]
mod zstd;

pub use compression::Compression;
pub use head::{Head, Opened};
pub use keyring::{Digest, Keyring, MIN_SECRET};
pub use unreadable::Unreadable;

/// The largest payload: what is larger is not stored, and what inflates to more is not opened.
pub const MAX_PAYLOAD: usize = 32 * 1024 * 1024;
/// What all tags of an entry may take, with ten bytes for each beside its text.
pub const MAX_TAGS: usize = 4 * 1024 * 1024;
/// XXH3-64.
const CHECKSUM: usize = 8;
/// Nothing that can be opened is larger.
const MAX_SEALED: usize = layout::HEADER + MAX_TAGS + MAX_PAYLOAD + Digest::Sha256.len();

/// How one route seals what it stores, and what it takes for its own when it reads.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Kind, envelope::{Digest, Envelope, Head, Keyring}};
///
/// let head = Head {
///     kind: Kind::Value, codec: 0, schema: 0, version: 0, cost: Duration::ZERO, nonce: 1,
///     stored: 1_700_000_000_000_000_000, expires: u64::MAX, fresh_until: u64::MAX,
/// };
/// let ours = Envelope::new().signed(Keyring::new(Digest::Sha256, ["d2f1…, 32 random bytes"])?);
/// let sealed = ours.seal("user:7", &head, &[("users", 5)], b"payload")?;
///
/// let opened = ours.open("user:7", &sealed)?;
/// assert_eq!((opened.head, &opened.payload[..]), (head, &b"payload"[..]));
/// assert!(ours.open("user:8", &sealed).is_err(), "another key's entry");
/// assert!(Envelope::new().open("user:7", &sealed).is_err(), "not verified, not read");
/// # Ok::<_, cache_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    keys: Option<Keyring>,
    compression: Option<Compression>,
}

impl Envelope {
    /// One with a checksum, and payloads as they are.
    pub const fn new() -> Self {
        Self { keys: None, compression: None }
    }

    /// Signed by the first of these secrets, and none but signed by one of them is opened.
    #[must_use]
    pub fn signed(self, keys: Keyring) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// Payloads of 256 bytes or more are compressed where that makes them smaller. What is opened may be compressed
    /// in any way that the build knows, or in none.
    #[must_use]
    pub fn compressed(self, how: Compression) -> Self {
        Self { compression: Some(how), ..self }
    }

    /// Whether it has a secret.
    pub const fn is_signed(&self) -> bool {
        self.keys.is_some()
    }

    /// The bytes to store under `key`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a payload above [`MAX_PAYLOAD`], tags above [`MAX_TAGS`] or 65,535 in number, or a tag of
    /// more than 65,535 bytes.
    pub fn seal(&self, key: &str, head: &Head, tags: &[(&str, u64)], payload: &[u8]) -> Result<Bytes> {
        let inflated = u32::try_from(payload.len())
            .ok()
            .filter(|_| payload.len() <= MAX_PAYLOAD)
            .ok_or(Error::TooLarge { what: "bytes of an encoded value", limit: MAX_PAYLOAD })?;
        let tags_len = layout::tags_len(tags)?;
        let compressed = compression::compress(self.compression, payload);
        let (compression, payload) = match &compressed {
            Some((how, smaller)) => (*how, &smaller[..]),
            None => (compression::PLAIN, payload),
        };
        let (signature, trailer) = self.trailer();
        // To the byte, so that the vector becomes `Bytes` as it is.
        let mut out = Vec::with_capacity(layout::HEADER + tags_len + payload.len() + trailer);
        layout::write(&mut out, head, &layout::Marks { compression, signature, inflated }, tags);
        out.extend_from_slice(payload);
        if let Some(keys) = &self.keys {
            keys.sign(keyring::ENTRY, key, &mut out);
        } else {
            let checksum = checksum(key, &out);
            out.extend_from_slice(&checksum);
        }
        Ok(out.into())
    }

    /// What was sealed for `key`, if it is whole, bounded, and vouched for as this route asks.
    pub fn open(&self, key: &str, sealed: &Bytes) -> Result<Opened, Unreadable> {
        let body = layout::parse(self.verified(key, sealed)?)?;
        let payload = if body.compression == compression::PLAIN {
            if body.payload.len() > MAX_PAYLOAD {
                return Err(Unreadable::TooLarge);
            }
            if u32::try_from(body.payload.len()) != Ok(body.inflated) {
                return Err(Unreadable::Malformed);
            }
            sealed.slice_ref(body.payload)
        } else {
            compression::inflate(body.compression, body.payload, body.inflated)?.into()
        };
        Ok(Opened { head: body.head, tags: body.tags, payload })
    }

    /// Everything before the trailer, if the trailer is that of this key and these bytes.
    fn verified<'a>(&self, key: &str, sealed: &'a [u8]) -> Result<&'a [u8], Unreadable> {
        if sealed.len() > MAX_SEALED {
            return Err(Unreadable::TooLarge);
        }
        let claimed = layout::signature(sealed)?;
        let (configured, trailer) = self.trailer();
        if claimed != configured {
            return Err(match (claimed, configured) {
                (layout::UNSIGNED, _) => Unreadable::Unsigned,
                (_, layout::UNSIGNED) => Unreadable::Signed,
                _ => Unreadable::Algorithm,
            });
        }
        let (body, trailer) = sealed
            .len()
            .checked_sub(trailer)
            .filter(|at| *at >= layout::HEADER)
            .and_then(|at| sealed.split_at_checked(at))
            .ok_or(Unreadable::Truncated)?;
        match &self.keys {
            Some(keys) if keys.verifies(keyring::ENTRY, key, body, trailer) => Ok(body),
            None if checksum(key, body) == *trailer => Ok(body),
            Some(_) => Err(Unreadable::Signature),
            None => Err(Unreadable::Damaged),
        }
    }

    /// The two bits that name it, and its length.
    fn trailer(&self) -> (u8, usize) {
        match self.keys.as_ref().map(Keyring::digest) {
            Some(digest) => (digest.id(), digest.len()),
            None => (layout::UNSIGNED, CHECKSUM),
        }
    }

    /// The state of a guard as it is stored: as it is, and signed under a secret.
    pub fn seal_state(&self, key: &str, state: &[u8]) -> Vec<u8> {
        let Some(keys) = &self.keys else { return state.to_vec() };
        let mut out = Vec::with_capacity(state.len() + keys.digest().len());
        out.extend_from_slice(state);
        keys.sign(keyring::STATE, key, &mut out);
        out
    }

    /// The state of a guard that was stored for `key`. Without a secret that is whatever there is: who reads the
    /// state makes sense of it or begins anew.
    pub fn open_state<'a>(&self, key: &str, kept: &'a [u8]) -> Result<&'a [u8], Unreadable> {
        let Some(keys) = &self.keys else { return Ok(kept) };
        let (state, signature) = kept
            .len()
            .checked_sub(keys.digest().len())
            .and_then(|at| kept.split_at_checked(at))
            .ok_or(Unreadable::Truncated)?;
        if keys.verifies(keyring::STATE, key, state, signature) {
            Ok(state)
        } else {
            Err(Unreadable::Signature)
        }
    }
}

/// Of these bytes under this key: accidents are found, forgeries are not.
fn checksum(key: &str, body: &[u8]) -> [u8; CHECKSUM] {
    let seed = XxHash3_64::oneshot(key.as_bytes());
    XxHash3_64::oneshot_with_seed(seed, body).to_le_bytes()
}
