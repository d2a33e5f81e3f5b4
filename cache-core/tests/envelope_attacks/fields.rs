//! Fields that promise what is not there, or mean nothing.

use bytes::Bytes;
use cache_core::Unreadable;
use cache_core::envelope::{Envelope, MAX_PAYLOAD};

use super::support::{head, trailers};
use super::{FLAGS, HEADER, INFLATED, KEY, changed};

const RESERVED: usize = 5;
const TAGS: usize = 6;

#[test]
fn bits_and_kinds_that_mean_nothing_yet_are_no_entry() {
    for bit in [6, 7] {
        assert_eq!(changed(|body| body[FLAGS] |= 1 << bit), Err(Unreadable::Malformed));
    }
    assert_eq!(changed(|body| body[FLAGS] |= 0b11), Err(Unreadable::Malformed), "kind 3");
    assert_eq!(changed(|body| body[FLAGS] |= 0b1100), Err(Unreadable::Malformed), "compression 3");
    assert_eq!(changed(|body| body[RESERVED] = 1), Err(Unreadable::Malformed));
    assert_eq!(changed(|body| body[2] = 2), Err(Unreadable::Version(2)));
}

#[test]
fn lengths_that_are_not_there_are_no_entry() {
    for announced in [0, 6, 8, u32::MAX] {
        let lie = |body: &mut Vec<u8>| body[INFLATED..][..4].copy_from_slice(&announced.to_le_bytes());
        assert_eq!(changed(lie), Err(Unreadable::Malformed), "{announced} bytes of payload");
    }
    for count in [1_u16, 2, 10_000, u16::MAX] {
        let lie = |body: &mut Vec<u8>| body[TAGS..][..2].copy_from_slice(&count.to_le_bytes());
        assert_eq!(changed(lie), Err(Unreadable::Malformed), "{count} tags");
    }
    // A tag of 65,535 bytes, of which there are three.
    let lie = |body: &mut Vec<u8>| {
        body[TAGS] = 1;
        body.splice(HEADER.., [255, 255].into_iter().chain([b't'; 11]));
    };
    assert_eq!(changed(lie), Err(Unreadable::Malformed));
    assert_eq!(changed(|body| body.truncate(HEADER - 1)), Err(Unreadable::Truncated));
}

#[test]
fn a_tag_that_is_no_text_is_no_entry() {
    let lie = |body: &mut Vec<u8>| {
        body[TAGS] = 1;
        body.splice(HEADER..HEADER, [2, 0, 0xFF, 0xFE, 1, 0, 0, 0, 0, 0, 0, 0]);
    };
    assert_eq!(changed(lie), Err(Unreadable::Malformed));
}

#[test]
fn ten_thousand_tags_are_an_entry_and_more_bytes_of_them_than_may_be_are_not() {
    let names: Vec<String> = (0..10_000).map(|tag| format!("tag:{tag}")).collect();
    let tags: Vec<(&str, u64)> = names.iter().zip(1..).map(|(name, nonce)| (name.as_str(), nonce)).collect();
    for (_, envelope) in trailers() {
        let opened = envelope.open(KEY, &envelope.seal(KEY, &head(), &tags, b"x").unwrap()).unwrap();
        assert!(opened.tags.iter().zip(&tags).all(|(opened, tag)| (opened.0.as_str(), opened.1) == *tag));
        assert_eq!(opened.tags.len(), 10_000);
    }
    let tag = [&[255, 255][..], &vec![b't'; 65_535], &[1; 8]].concat();
    let lie = |body: &mut Vec<u8>| {
        body[TAGS] = 65;
        body.splice(HEADER..HEADER, tag.repeat(65));
    };
    assert_eq!(changed(lie), Err(Unreadable::TooLarge));
}

#[test]
fn what_is_larger_than_any_entry_is_not_looked_at() {
    let lie = |body: &mut Vec<u8>| {
        body[INFLATED..][..4].copy_from_slice(&(u32::try_from(MAX_PAYLOAD).unwrap() + 1).to_le_bytes());
        body.resize(HEADER + MAX_PAYLOAD + 1, 0);
    };
    assert_eq!(changed(lie), Err(Unreadable::TooLarge), "a payload that fits its length");
    let huge = Bytes::from(vec![0xCA; 40 * 1024 * 1024]);
    assert_eq!(Envelope::new().open(KEY, &huge), Err(Unreadable::TooLarge));
}
