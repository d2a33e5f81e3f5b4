//! The tags of an entry as its row keeps them.

use cache_core::{Key, Stamp};

/// For each tag its length, its text and its generation; nothing for an entry without tags.
pub(super) fn write(stamps: &[Stamp]) -> Option<Vec<u8>> {
    if stamps.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    for stamp in stamps {
        let tag = stamp.tag().as_str().as_bytes();
        bytes.extend_from_slice(&u32::try_from(tag.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(&stamp.nonce().to_le_bytes());
    }
    Some(bytes)
}

/// Each tag and its generation; `None` in place of what cannot be read, and then nothing more.
pub(super) fn read(mut bytes: &[u8]) -> impl Iterator<Item = Option<(&[u8], u64)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let stamp = split(bytes);
        bytes = stamp.map_or(&[], |(_, rest)| rest);
        Some(stamp.map(|(stamp, _)| stamp))
    })
}

type Split<'a> = ((&'a [u8], u64), &'a [u8]);

fn split(bytes: &[u8]) -> Option<Split<'_>> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (tag, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let (nonce, rest) = rest.split_first_chunk()?;
    Some(((tag, u64::from_le_bytes(*nonce)), rest))
}

/// The same as the cache knows them.
pub(super) fn stamps(bytes: &[u8]) -> Vec<Stamp> {
    let stamp = |(tag, nonce)| Some(Stamp::new(Key::from(std::str::from_utf8(tag).ok()?), nonce));
    read(bytes).flatten().filter_map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_as_they_were() {
        let given =
            [Stamp::new("users".into(), 7), Stamp::new("".into(), u64::MAX), Stamp::new("🥜".into(), 1)];
        let bytes = write(&given).unwrap();
        let back: Vec<_> =
            stamps(&bytes).iter().map(|stamp| (stamp.tag().to_string(), stamp.nonce())).collect();
        assert_eq!(back, [("users".to_owned(), 7), (String::new(), u64::MAX), ("🥜".to_owned(), 1)]);
        assert_eq!(write(&[]), None);
    }

    #[test]
    fn what_was_cut_off_is_seen() {
        let bytes = write(&[Stamp::new("users".into(), 7), Stamp::new("red".into(), 8)]).unwrap();
        for length in 1..bytes.len() {
            let found: Vec<_> = read(&bytes[..length]).collect();
            let is_whole = length == 17;
            assert_eq!(found.iter().all(Option::is_some), is_whole, "{length} of {} bytes", bytes.len());
        }
    }
}
