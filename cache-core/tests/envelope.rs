//! The envelope as it is, byte by byte: what goes in comes out, and what was stored by any build is read by this one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[cfg(all(feature = "lz4", feature = "zstd"))]
#[path = "envelope/compressed.rs"]
mod compressed;
#[path = "envelope/golden.rs"]
mod golden;
#[path = "envelope/support.rs"]
mod support;
#[path = "envelope/table.rs"]
mod table;

use std::time::Duration;

use bytes::Bytes;
use cache_core::envelope::{Digest, Envelope, Head, Keyring, MAX_PAYLOAD, MAX_TAGS};
use cache_core::{Error, Key, Kind, Unreadable};
use proptest::prelude::*;
use support::{SECRET, head, keys, signed, trailers};

fn every_envelope() -> Vec<Envelope> {
    let plain = trailers().map(|(_, envelope)| envelope);
    let mut all = plain.to_vec();
    for name in ["lz4", "zstd"] {
        if let Ok(how) = name.parse() {
            all.extend(plain.iter().map(|envelope| envelope.clone().compressed(how)));
        }
    }
    all
}

fn heads() -> impl Strategy<Value = Head> {
    let kinds = prop_oneof![Just(Kind::Value), Just(Kind::Absent), Just(Kind::Failed)];
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    (kinds, any::<u8>(), any::<u64>(), any::<u32>(), times, any::<u64>(), any::<u64>()).prop_map(
        |(kind, codec, schema, version, (stored, expires, fresh_until), cost, nonce)| Head {
            kind,
            codec,
            schema,
            version,
            stored,
            expires,
            fresh_until,
            cost: Duration::from_nanos(cost),
            nonce,
        },
    )
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was_in_every_way_to_seal(
        key in ".{0,40}",
        head in heads(),
        tags in prop::collection::vec((".{0,20}", any::<u64>()), 0..5),
        mut payload in prop::collection::vec(any::<u8>(), 0..600),
        repeated in 1..4_usize,
    ) {
        payload = payload.repeat(repeated);
        let lent: Vec<(&str, u64)> = tags.iter().map(|(tag, nonce)| (tag.as_str(), *nonce)).collect();
        let owned: Vec<(Key, u64)> = lent.iter().map(|(tag, nonce)| (Key::from(*tag), *nonce)).collect();
        for envelope in every_envelope() {
            let sealed = envelope.seal(&key, &head, &lent, &payload).unwrap();
            let opened = envelope.open(&key, &sealed).unwrap();
            prop_assert_eq!((opened.head, &opened.tags), (head, &owned));
            prop_assert_eq!(&opened.payload[..], &payload[..]);
            prop_assert_eq!(envelope.seal(&key, &head, &lent, &opened.payload).unwrap(), sealed);
        }
    }

    #[test]
    fn a_state_that_was_sealed_opens_as_it_was(key in ".{0,40}", state in prop::collection::vec(any::<u8>(), 0..99)) {
        for (_, envelope) in trailers() {
            let kept = envelope.seal_state(&key, &state);
            prop_assert_eq!(envelope.open_state(&key, &kept), Ok(&state[..]));
        }
    }
}

#[test]
fn a_payload_that_was_not_compressed_is_not_copied() {
    let sealed = Envelope::new().seal("k", &head(), &[("tag", 1)], b"payload").unwrap();
    let opened = Envelope::new().open("k", &sealed).unwrap();
    assert!(sealed.as_ptr_range().contains(&opened.payload.as_ptr()));
}

#[test]
fn a_computation_longer_than_the_field_holds_has_taken_as_long_as_it_holds() {
    let endless = Head { cost: Duration::MAX, ..head() };
    let sealed = Envelope::new().seal("k", &endless, &[], b"").unwrap();
    let opened = Envelope::new().open("k", &sealed).unwrap();
    assert_eq!(opened.head.cost, Duration::from_nanos(u64::MAX));
}

#[test]
fn without_a_secret_a_state_is_stored_as_it_is() {
    assert_eq!(Envelope::new().seal_state("rate_limit:k", b"state"), b"state");
    assert_eq!(Envelope::new().open_state("rate_limit:k", b"anything"), Ok(&b"anything"[..]));
}

#[test]
fn only_what_has_a_secret_says_it_is_signed() {
    assert!(!Envelope::new().is_signed() && !Envelope::default().is_signed());
    assert!(signed(Digest::Sha1).is_signed());
}

#[test]
fn no_secret_is_shown_by_debug() {
    let shown = format!("{:?}", signed(Digest::Sha256));
    assert!(shown.contains("Sha256") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn a_value_is_not_shown_by_debug() {
    let sealed = Envelope::new().seal("k", &head(), &[], b"hunter2").unwrap();
    let shown = format!("{:?}", Envelope::new().open("k", &sealed).unwrap());
    assert!(shown.contains("7 bytes") && !shown.contains("hunter2"), "{shown}");
}

/// The steps that `docs/envelope.md` tells, with two programs that never stop.
#[test]
fn a_secret_is_changed_while_programs_run_and_no_entry_is_lost() {
    let old = || keys(Digest::Sha256, &["the old secret"]);
    let steps: [[Keyring; 2]; 5] = [
        [old(), old()],
        [keys(Digest::Sha256, &["the old secret", "the new secret"]), old()],
        [
            keys(Digest::Sha256, &["the old secret", "the new secret"]),
            keys(Digest::Sha256, &["the new secret", "the old secret"]),
        ],
        [
            keys(Digest::Sha256, &["the new secret", "the old secret"]),
            keys(Digest::Sha256, &["the new secret"]),
        ],
        [keys(Digest::Sha256, &["the new secret"]), keys(Digest::Sha256, &["the new secret"])],
    ];
    for programs in steps {
        let [one, other] = programs.map(|keys| Envelope::new().signed(keys));
        for (writer, reader) in [(&one, &other), (&other, &one)] {
            let sealed = writer.seal("k", &head(), &[], b"value").unwrap();
            assert_eq!(reader.open("k", &sealed).unwrap().payload, "value", "{writer:?} to {reader:?}");
            let state = writer.seal_state("k", b"state");
            assert_eq!(reader.open_state("k", &state), Ok(&b"state"[..]));
        }
    }
    let before = Envelope::new().signed(old()).seal("k", &head(), &[], b"value").unwrap();
    let after = Envelope::new().signed(keys(Digest::Sha256, &["the new secret"]));
    assert_eq!(after.open("k", &before), Err(Unreadable::Signature), "the old secret is good for ever");
}

fn too_large(result: cache_core::Result<Bytes>) -> (&'static str, usize) {
    match result.unwrap_err() {
        Error::TooLarge { what, limit, .. } => (what, limit),
        other => panic!("{other}"),
    }
}

#[test]
fn the_largest_payload_is_stored_and_a_byte_more_is_not() {
    let mut payload = vec![7; MAX_PAYLOAD];
    let sealed = Envelope::new().seal("k", &head(), &[], &payload).unwrap();
    assert!(Envelope::new().open("k", &sealed).unwrap().payload == payload);
    payload.push(7);
    for envelope in every_envelope() {
        assert_eq!(
            too_large(envelope.seal("k", &head(), &[], &payload)),
            ("bytes of an encoded value", MAX_PAYLOAD)
        );
    }
}

#[test]
fn as_many_tags_as_can_be_counted_are_stored_and_one_more_is_not() {
    let mut tags = vec![("t", 1); 65_535];
    let sealed = Envelope::new().seal("k", &head(), &tags, b"").unwrap();
    assert_eq!(Envelope::new().open("k", &sealed).unwrap().tags.len(), tags.len());
    tags.push(("t", 1));
    assert_eq!(too_large(Envelope::new().seal("k", &head(), &tags, b"")), ("tags", 65_535));
}

#[test]
fn tags_are_bounded_one_by_one_and_together() {
    let longest = "t".repeat(65_535);
    let sealed = Envelope::new().seal("k", &head(), &[(&longest, 1)], b"").unwrap();
    assert_eq!(Envelope::new().open("k", &sealed).unwrap().tags[0].0, longest.as_str());
    let longer = "t".repeat(65_536);
    let refused = Envelope::new().seal("k", &head(), &[(&longer, 1)], b"");
    assert_eq!(too_large(refused), ("bytes of one tag", 65_535));
    // 64 of them are 4 MiB but for what stands beside them.
    let refused = Envelope::new().seal("k", &head(), &[(longest.as_str(), 1); 64], b"");
    assert_eq!(too_large(refused), ("bytes of tags", MAX_TAGS));
}
