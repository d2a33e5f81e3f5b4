//! Whatever a backend gives back is opened or refused, with a secret and without; and what opens is what would be
//! stored.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use cache_core::envelope::{Digest, Envelope, Keyring, MAX_PAYLOAD};
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_64;

/// The seeds were sealed for it.
const KEY: &str = "user:7";

static ENVELOPES: LazyLock<[Envelope; 3]> = LazyLock::new(|| {
    let signed = |digest| {
        let keys = Keyring::new(digest, ["another secret", "a secret of 32 bytes, as they say"]);
        Envelope::new().signed(keys.expect("good secrets"))
    };
    [Envelope::new(), signed(Digest::Sha256), signed(Digest::Sha1)]
});

fuzz_target!(|data: &[u8]| {
    for envelope in &*ENVELOPES {
        opens_to_what_would_be_sealed(envelope, &Bytes::copy_from_slice(data));
        let state = envelope.open_state(KEY, data);
        assert!(envelope.is_signed() || state == Ok(data));
    }
    // With the checksum that belongs to it: few get past that by chance.
    if let Some((body, _)) = data.split_last_chunk::<8>() {
        let checksum = XxHash3_64::oneshot_with_seed(XxHash3_64::oneshot(KEY.as_bytes()), body);
        let vouched = [body, &checksum.to_le_bytes()].concat();
        opens_to_what_would_be_sealed(&Envelope::new(), &vouched.into());
    }
});

fn opens_to_what_would_be_sealed(envelope: &Envelope, bytes: &Bytes) {
    let Ok(opened) = envelope.open(KEY, bytes) else { return };
    assert!(opened.payload.len() <= MAX_PAYLOAD);
    let tags: Vec<(&str, u64)> = opened.tags.iter().map(|(tag, nonce)| (tag.as_str(), *nonce)).collect();
    let again = envelope.seal(KEY, &opened.head, &tags, &opened.payload);
    let again = again.expect("what could be opened can be sealed");
    assert_eq!(envelope.open(KEY, &again), Ok(opened));
}
