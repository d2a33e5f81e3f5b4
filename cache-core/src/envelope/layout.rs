//! Where each field stands. `docs/envelope.md` has the same as a table, and a test reads by that table.

use std::time::Duration;

use super::{Head, MAX_TAGS, Unreadable};
use crate::entry::Kind;
use crate::error::{Error, Result};
use crate::key::Key;

/// No UTF-8 begins like this, nor does a number in digits: a lead byte, and no continuation after it.
pub(super) const MAGIC: [u8; 2] = [0xCA, 0xDA];
/// Goes up with every change of what stands where, or of what it means.
pub(super) const VERSION: u8 = 1;
/// The fixed part in front of the tags.
pub(super) const HEADER: usize = 64;
/// A tag beside its text: its length, its generation.
const TAG: usize = 2 + 8;

/// Who vouches for an envelope: two bits of the flags.
pub(super) const UNSIGNED: u8 = 0;

/// The bits of the flags: kind, compression, signature, and two that are zero.
const KIND: u32 = 0;
const COMPRESSION: u32 = 2;
const SIGNATURE: u32 = 4;
const TWO_BITS: u8 = 0b11;
const RESERVED: u8 = 0b1100_0000;

/// What stands before the trailer.
pub(super) struct Body<'a> {
    pub(super) head: Head,
    pub(super) compression: u8,
    pub(super) inflated: u32,
    pub(super) tags: Vec<(Key, u64)>,
    pub(super) payload: &'a [u8],
}

/// Bytes that the tags take, if that is what an entry may hold.
pub(super) fn tags_len(tags: &[(&str, u64)]) -> Result<usize> {
    const SHORT: usize = u16::MAX as usize;
    let mut len = 0_usize;
    for (tag, _) in tags {
        at_most(SHORT, tag.len(), "bytes of one tag")?;
        len = len.saturating_add(TAG + tag.len());
    }
    at_most(SHORT, tags.len(), "tags")?;
    at_most(MAX_TAGS, len, "bytes of tags")?;
    Ok(len)
}

const fn at_most(limit: usize, len: usize, what: &'static str) -> Result<()> {
    if len <= limit { Ok(()) } else { Err(Error::TooLarge { what, limit }) }
}

/// What the header says beside the head.
pub(super) struct Marks {
    pub(super) compression: u8,
    pub(super) signature: u8,
    pub(super) inflated: u32,
}

/// Header and tags; `tags` have passed [`tags_len`].
pub(super) fn write(out: &mut Vec<u8>, head: &Head, marks: &Marks, tags: &[(&str, u64)]) {
    let kind = match head.kind {
        Kind::Value => 0,
        Kind::Absent => 1,
        Kind::Failed => 2,
    };
    let flags = kind << KIND | marks.compression << COMPRESSION | marks.signature << SIGNATURE;
    let cost = u64::try_from(head.cost.as_nanos()).unwrap_or(u64::MAX);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, flags, head.codec, 0]);
    out.extend_from_slice(&short(tags.len()).to_le_bytes());
    for field in [head.stored, head.expires, head.fresh_until, cost, head.nonce, head.schema] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&head.version.to_le_bytes());
    out.extend_from_slice(&marks.inflated.to_le_bytes());
    for (tag, nonce) in tags {
        out.extend_from_slice(&short(tag.len()).to_le_bytes());
        out.extend_from_slice(tag.as_bytes());
        out.extend_from_slice(&nonce.to_le_bytes());
    }
}

fn short(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// Who signed it, by the bytes' own account: all that is read before it is verified.
pub(super) fn signature(sealed: &[u8]) -> Result<u8, Unreadable> {
    match sealed {
        [a, b, version, flags, ..] if [*a, *b] == MAGIC => match *version {
            VERSION => Ok(flags >> SIGNATURE & TWO_BITS),
            other => Err(Unreadable::Version(other)),
        },
        short if MAGIC.starts_with(short) || short.starts_with(&MAGIC) => Err(Unreadable::Truncated),
        _ => Err(Unreadable::Foreign),
    }
}

/// Takes apart what was verified.
pub(super) fn parse(body: &[u8]) -> Result<Body<'_>, Unreadable> {
    read(body).ok_or(Unreadable::Malformed)?
}

/// The outer `None` is a field that does not fit.
fn read(body: &[u8]) -> Option<Result<Body<'_>, Unreadable>> {
    let mut rest = Rest(body);
    let [_, _, _, flags, codec, zero] = rest.take()?;
    if flags & RESERVED != 0 || zero != 0 {
        return None;
    }
    let kind = match flags >> KIND & TWO_BITS {
        0 => Kind::Value,
        1 => Kind::Absent,
        2 => Kind::Failed,
        _ => return None,
    };
    let count = usize::from(rest.u16()?);
    let head = Head {
        kind,
        codec,
        stored: rest.u64()?,
        expires: rest.u64()?,
        fresh_until: rest.u64()?,
        cost: Duration::from_nanos(rest.u64()?),
        nonce: rest.u64()?,
        schema: rest.u64()?,
        version: rest.u32()?,
    };
    let inflated = rest.u32()?;
    // Room for as many as there are bytes for, whatever their number says.
    if count > rest.0.len() / TAG {
        return None;
    }
    let before = rest.0.len();
    let mut tags = Vec::with_capacity(count);
    for _ in 0..count {
        let len = usize::from(rest.u16()?);
        let tag = std::str::from_utf8(rest.slice(len)?).ok()?;
        tags.push((Key::from(tag), rest.u64()?));
        if before - rest.0.len() > MAX_TAGS {
            return Some(Err(Unreadable::TooLarge));
        }
    }
    Some(Ok(Body { head, compression: flags >> COMPRESSION & TWO_BITS, inflated, tags, payload: rest.0 }))
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}
