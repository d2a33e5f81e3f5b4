//! What lies under a name: a mark, what is kept, and when it expires.
//!
//! | bytes | what |
//! |---|---|
//! | 2 | a mark: `CA DA` an envelope, whose own first bytes these are; `CA DB` a number, `CA DC` a state, `CA DD` a right to fill, `CA DE` the generation of a tag |
//! | | what is kept |
//! | 8 | when it expires, in nanoseconds since 1970 and little endian; all ones is never |
//!
//! So what is ours is known on a server that others use too, and whether it lives can be told by the exact time also where
//! the server counts milliseconds. A number is a nonce (8) that no other store has, and its digits.

use bytes::Bytes;
use cache_core::{Encoded, Entry, Error, Meta, Moment, Result};
use std::sync::Arc;

const ENTRY: [u8; 2] = [0xCA, 0xDA];
const NUMBER: [u8; 2] = [0xCA, 0xDB];
pub(super) const STATE: [u8; 2] = [0xCA, 0xDC];
const TAG: [u8; 2] = [0xCA, 0xDE];

/// The last bytes of every record.
const TIME: usize = 8;
const NONCE: usize = 8;

/// A record of these parts.
fn record(parts: &[&[u8]], expires: u64) -> Vec<u8> {
    let mut record = parts.concat();
    record.extend_from_slice(&expires.to_le_bytes());
    record
}

/// The record of an entry, which expires at this time of the wall.
pub(super) fn of_entry(entry: &Entry, expires: u64) -> Result<Vec<u8>> {
    if let Some(bytes) = entry.encoded() {
        return Ok(record(&[bytes], expires));
    }
    match entry.downcast_ref::<i64>() {
        Some(number) => {
            let nonce = fresh_nonce().to_le_bytes();
            Ok(record(&[&NUMBER, &nonce, number.to_string().as_bytes()], expires))
        }
        None => Err(Error::backend("only bytes and whole numbers go to a server")),
    }
}

/// What tells this store of a number from others: even, since its hits are not counted.
pub(super) fn fresh_nonce() -> u64 {
    fastrand::u64(1..=u64::MAX >> 1) << 1
}

/// A state that ends at this time.
pub(super) fn of_state(state: &[u8], until: u64) -> Vec<u8> {
    record(&[&STATE, state], until)
}

/// The state in a record, and when it ends; none if the record is of something else.
pub(super) fn state(record: &[u8]) -> Option<(&[u8], u64)> {
    let (rest, until) = end(record.strip_prefix(&STATE)?)?;
    Some((rest, until))
}

/// The nonce in the record of a tag.
pub(super) fn generation(record: &[u8]) -> Option<u64> {
    let (nonce, _) = end(record.strip_prefix(&TAG)?)?;
    nonce.try_into().ok().map(u64::from_le_bytes)
}

/// What lies under a key as an entry; none if it is a record of another kind.
///
/// What bears no mark of ours is shown as it is. It will not open, and so is a miss that is told of.
pub(super) fn entry(bytes: Vec<u8>, moment: Moment) -> Option<Arc<Entry>> {
    let is_ours = |mark: [u8; 2]| bytes.starts_with(&mark) && bytes.len() >= mark.len() + TIME;
    if is_ours(ENTRY) {
        let (kept, expires) = end(&bytes)?;
        let (len, expires) = (kept.len(), moment.time_of(expires));
        return Some(Entry::new(Encoded(Bytes::from(bytes).slice(..len)), Meta::new(moment.time, expires)));
    }
    if is_ours(NUMBER) {
        let (rest, expires) = end(&bytes)?;
        let (nonce, number) = number(rest)?;
        let mut meta = Meta::new(moment.time, moment.time_of(expires));
        meta.nonce = nonce;
        return Some(Entry::new(number, meta));
    }
    let is_another = matches!(bytes.as_slice(), [0xCA, 0xDC..=0xDE, ..]);
    (!is_another)
        .then(|| Entry::new(Encoded(Bytes::from(bytes)), Meta::new(moment.time, cache_core::Time::NEVER)))
}

/// What an entry that was read began with on the server: the record without its end. No two stores have the same.
pub(super) fn seen(entry: &Entry) -> Option<Vec<u8>> {
    if let Some(bytes) = entry.encoded() {
        return Some(bytes.to_vec());
    }
    let number = entry.downcast_ref::<i64>()?;
    Some([&NUMBER[..], &entry.meta().nonce.to_le_bytes(), number.to_string().as_bytes()].concat())
}

fn number(rest: &[u8]) -> Option<(u64, i64)> {
    let (nonce, digits) = rest.strip_prefix(&NUMBER)?.split_at_checked(NONCE)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u64::from_le_bytes(nonce.try_into().ok()?), digits.parse().ok()?))
}

/// A record without its end, and the end.
fn end(record: &[u8]) -> Option<(&[u8], u64)> {
    let (rest, time) = record.split_last_chunk::<TIME>()?;
    Some((rest, u64::from_le_bytes(*time)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cache_core::Time;

    const NOW: Moment = Moment { time: Time::from_nanos(1_000), wall: 500_000 };

    fn kept(entry: &Entry, expires: u64) -> Arc<Entry> {
        super::entry(of_entry(entry, expires).unwrap(), NOW).unwrap()
    }

    #[test]
    fn entries_and_numbers_come_back_with_their_end() {
        let bytes = Bytes::from_static(b"\xCA\xDA and so on");
        let back = kept(&Entry::new(Encoded(bytes.clone()), Meta::new(NOW.time, Time::NEVER)), 500_700);
        assert_eq!((back.encoded(), back.expires()), (Some(&bytes), Time::from_nanos(1_700)));
        for number in [0, -5, i64::MIN, i64::MAX] {
            let back = kept(&Entry::new(number, Meta::new(NOW.time, Time::NEVER)), u64::MAX);
            assert_eq!((back.downcast_ref(), back.expires()), (Some(&number), Time::NEVER));
            let again = kept(&Entry::new(number, Meta::new(NOW.time, Time::NEVER)), u64::MAX);
            assert_ne!(seen(&back), seen(&again), "two stores of {number} are the same");
        }
    }

    #[test]
    fn what_others_keep_is_shown_as_it_is() {
        for foreign in [&b"hello"[..], b"", b"\xCA", b"\xCA\xDA", b"12345678901234567890"] {
            let shown = entry(foreign.to_vec(), NOW).unwrap();
            assert_eq!(shown.encoded().map(|bytes| &bytes[..]), Some(foreign));
            assert_eq!(seen(&shown).as_deref(), Some(foreign));
        }
    }

    #[test]
    fn other_records_are_no_entries() {
        assert!(entry(of_state(b"locked", 7), NOW).is_none());
        assert_eq!(state(&of_state(b"locked", 7)), Some((&b"locked"[..], 7)));
        assert_eq!(state(b"\xCA\xDA 12345678"), None);
        assert_eq!(generation(&record(&[&TAG, &5_u64.to_le_bytes()], u64::MAX)), Some(5));
    }
}
