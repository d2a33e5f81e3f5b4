//! What somebody who can write to the backend may try, and what accidents do: none of it is read, and none of it
//! takes more memory or time than an entry may.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[cfg(all(feature = "lz4", feature = "zstd"))]
#[path = "envelope_attacks/bombs.rs"]
mod bombs;
#[path = "envelope_attacks/fields.rs"]
mod fields;
#[path = "envelope/support.rs"]
mod support;

use bytes::Bytes;
use cache_core::envelope::{Digest, Envelope};
use cache_core::{Error, Unreadable};
use proptest::prelude::*;
use support::{SECRET, head, keys, signed, trailers, vouched};

const KEY: &str = "user:7";

/// Where the fields of the fixed part stand.
const FLAGS: usize = 3;
const INFLATED: usize = 60;
const HEADER: usize = 64;

fn sealed(envelope: &Envelope) -> Bytes {
    envelope.seal(KEY, &head(), &[("users", 5), ("größe", 6)], b"payload").unwrap()
}

/// An unsigned entry, changed by somebody who knows how to make a checksum.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Bytes, Unreadable> {
    let mut body = Envelope::new().seal(KEY, &head(), &[], b"payload").unwrap().to_vec();
    body.truncate(body.len() - 8);
    change(&mut body);
    Envelope::new().open(KEY, &vouched(KEY, body)).map(|opened| opened.payload)
}

#[test]
fn a_checksum_made_by_hand_is_taken_so_that_the_tests_below_reach_what_is_behind_it() {
    assert_eq!(changed(|_| ()).unwrap(), "payload");
}

#[test]
fn an_entry_that_is_cut_anywhere_is_unreadable() {
    for (name, envelope) in trailers() {
        let whole = sealed(&envelope);
        for len in 0..whole.len() {
            let why = envelope.open(KEY, &whole.slice(..len)).unwrap_err();
            let expected =
                if len < whole.len() && why == Unreadable::Truncated { why } else { mismatch(name) };
            assert_eq!(why, expected, "{name}, {len} bytes");
        }
    }
}

/// What a wrong trailer is called.
fn mismatch(name: &str) -> Unreadable {
    if name == "unsigned" { Unreadable::Damaged } else { Unreadable::Signature }
}

#[test]
fn an_entry_with_any_one_bit_flipped_is_unreadable() {
    for (name, envelope) in trailers() {
        let whole = sealed(&envelope);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let why = envelope.open(KEY, &Bytes::from(flipped)).unwrap_err();
            match bit / 8 {
                0 | 1 => assert_eq!(why, Unreadable::Foreign, "{name}, bit {bit}"),
                2 => assert!(matches!(why, Unreadable::Version(_)), "{name}, bit {bit}: {why}"),
                FLAGS if why != mismatch(name) => assert!(
                    matches!(why, Unreadable::Unsigned | Unreadable::Signed | Unreadable::Algorithm),
                    "{name}, bit {bit}: {why}"
                ),
                _ => assert_eq!(why, mismatch(name), "{name}, bit {bit}"),
            }
        }
    }
}

#[test]
fn bytes_after_or_before_an_entry_make_it_unreadable() {
    for (name, envelope) in trailers() {
        let whole = sealed(&envelope);
        for extra in [&[0][..], b"payload", &whole] {
            assert_eq!(envelope.open(KEY, &[&whole, extra].concat().into()), Err(mismatch(name)));
            assert!(envelope.open(KEY, &[extra, &whole].concat().into()).is_err());
        }
    }
}

#[test]
fn the_entry_of_another_key_is_unreadable() {
    for (name, envelope) in trailers() {
        for other in ["user:8", "user:7:", "user:", "", "usER:7"] {
            assert_eq!(envelope.open(other, &sealed(&envelope)), Err(mismatch(name)), "{name}, {other}");
        }
    }
}

/// Without the length of the key in what is signed, ("ab", "c") and ("a", "bc") would have one signature.
#[test]
fn where_the_key_ends_and_the_entry_begins_is_signed() {
    let envelope = signed(Digest::Sha256);
    for cut in 0..=4 {
        let (key, state) = "abcd".split_at(cut);
        let kept = envelope.seal_state(key, state.as_bytes());
        let signature = &kept[state.len()..];
        for other in (0..=4).filter(|other| *other != cut) {
            let (key, state) = "abcd".split_at(other);
            let forged = [state.as_bytes(), signature].concat();
            assert_eq!(envelope.open_state(key, &forged), Err(Unreadable::Signature), "{cut} as {other}");
        }
    }
}

#[test]
fn an_entry_signed_with_another_secret_is_unreadable() {
    for digest in [Digest::Sha256, Digest::Sha1] {
        // The last one differs in how HMAC pads: zeros at the end of a short secret are no part of it.
        for other in ["another secret", &SECRET[1..], &SECRET.to_uppercase(), &format!("{SECRET} ")] {
            let theirs = Envelope::new().signed(keys(digest, &[other]));
            assert_eq!(signed(digest).open(KEY, &sealed(&theirs)), Err(Unreadable::Signature));
            let state = theirs.seal_state(KEY, b"state");
            assert_eq!(signed(digest).open_state(KEY, &state), Err(Unreadable::Signature));
        }
    }
}

#[test]
fn an_entry_is_verified_as_is_configured_and_not_as_it_says_itself() {
    for (writer, theirs) in trailers() {
        for (reader, ours) in trailers().into_iter().filter(|(reader, _)| *reader != writer) {
            let expected = match (writer, reader) {
                ("unsigned", _) => Unreadable::Unsigned,
                (_, "unsigned") => Unreadable::Signed,
                _ => Unreadable::Algorithm,
            };
            assert_eq!(ours.open(KEY, &sealed(&theirs)), Err(expected), "{writer} read as {reader}");
            // And with flags that claim what the reader wants to hear.
            let mut claimed = sealed(&theirs).to_vec();
            claimed[FLAGS] = sealed(&ours)[FLAGS];
            assert_eq!(ours.open(KEY, &claimed.into()), Err(mismatch(reader)), "{writer} posing as {reader}");
        }
    }
}

/// An ancestor accepted a weak sum in place of the configured digest.
#[test]
fn no_checksum_passes_for_a_signature() {
    for (digest, bits) in [(Digest::Sha256, 1 << 4), (Digest::Sha1, 2 << 4), (Digest::Sha256, 3 << 4)] {
        let ours = signed(digest);
        for guess in 0..=255 {
            let mut body = sealed(&Envelope::new()).to_vec();
            body.truncate(body.len() - 8);
            body[FLAGS] |= bits;
            body.extend_from_slice(&[guess; 24]);
            let forged = vouched(KEY, body);
            assert!(ours.open(KEY, &forged).is_err(), "{digest}, {guess}");
        }
    }
}

/// An ancestor trusted any digits as a number, whatever secret there was.
#[test]
fn a_plain_number_or_a_foreign_value_is_no_entry() {
    for (_, envelope) in trailers() {
        for foreign in ["7", "-1", "123456789012", "{\"a\":1}", "null", "\u{80}\u{4}", "sum:00_pickle", " "] {
            let foreign = Bytes::copy_from_slice(foreign.as_bytes());
            assert_eq!(envelope.open(KEY, &foreign), Err(Unreadable::Foreign), "{foreign:?}");
        }
    }
    let state = signed(Digest::Sha256).open_state(KEY, b"7");
    assert_eq!(state, Err(Unreadable::Truncated));
}

#[test]
fn an_entry_cannot_be_given_for_a_state_nor_a_state_for_an_entry() {
    for digest in [Digest::Sha256, Digest::Sha1] {
        let envelope = signed(digest);
        let entry = sealed(&envelope);
        assert_eq!(envelope.open_state(KEY, &entry), Err(Unreadable::Signature));
        let body = &entry[..entry.len() - if digest == Digest::Sha256 { 32 } else { 20 }];
        assert_eq!(envelope.open(KEY, &envelope.seal_state(KEY, body).into()), Err(Unreadable::Signature));
    }
}

#[test]
fn a_state_that_is_cut_changed_or_of_another_key_is_unreadable() {
    let envelope = signed(Digest::Sha256);
    let kept = envelope.seal_state(KEY, b"state");
    for len in 0..kept.len() {
        assert!(envelope.open_state(KEY, &kept[..len]).is_err(), "{len} bytes");
    }
    for bit in 0..kept.len() * 8 {
        let mut flipped = kept.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(envelope.open_state(KEY, &flipped), Err(Unreadable::Signature), "bit {bit}");
    }
    assert_eq!(envelope.open_state("user:8", &kept), Err(Unreadable::Signature));
}

/// An ancestor printed the signature that it had expected: copied, it was accepted.
#[test]
fn no_message_tells_what_would_have_been_accepted() {
    for (name, envelope) in trailers() {
        let mut forged = sealed(&envelope).to_vec();
        let at = forged.len() - 1;
        forged[at] ^= 1;
        let why = envelope.open(KEY, &forged.into()).unwrap_err();
        let whole = sealed(&envelope);
        for text in
            [why.to_string(), format!("{why:?}"), Error::from(why).to_string(), format!("{envelope:?}")]
        {
            // Eight digits in a row would be a piece of it.
            let piece = |start: usize| -> String {
                whole[start..start + 4].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
            };
            assert!((0..=whole.len() - 4).all(|start| !text.contains(&piece(start))), "{name}: {text}");
            assert!(!text.contains(SECRET), "{name}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_unreadable(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, envelope) in trailers() {
            prop_assert!(envelope.open(KEY, &Bytes::copy_from_slice(&bytes)).is_err());
        }
    }

    /// With a checksum that fits, so that everything behind it is reached.
    #[test]
    fn whatever_opens_is_what_would_be_sealed(
        flags in 0_u8..16,
        count in 0_u16..3,
        inflated in 0_u32..400,
        rest in prop::collection::vec(0_u8..20, 0..300),
    ) {
        let mut body = vec![0xCA, 0xDA, 1, flags, 0, 0];
        body.extend_from_slice(&count.to_le_bytes());
        body.resize(INFLATED, 7);
        body.extend_from_slice(&inflated.to_le_bytes());
        body.extend_from_slice(&rest);
        let bytes = vouched(KEY, body);
        if let Ok(opened) = Envelope::new().open(KEY, &bytes) {
            let tags: Vec<(&str, u64)> = opened.tags.iter().map(|(tag, nonce)| (tag.as_str(), *nonce)).collect();
            let again = Envelope::new().seal(KEY, &opened.head, &tags, &opened.payload).unwrap();
            prop_assert_eq!(Envelope::new().open(KEY, &again).unwrap(), opened);
            prop_assert!(flags >= 4 || again == bytes);
        }
    }
}
