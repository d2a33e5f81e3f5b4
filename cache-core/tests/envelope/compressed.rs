//! Payloads that are stored smaller.

use cache_core::Unreadable;
use cache_core::envelope::{Compression, Envelope, MAX_PAYLOAD};

use super::support::{head, vouched};

const BOTH: [Compression; 2] = [Compression::Lz4, Compression::Zstd];

/// Compressible, and no two pieces the same.
fn text(len: usize) -> Vec<u8> {
    (0..).flat_map(|number: u32| format!("line {number}, ").into_bytes()).take(len).collect()
}

#[test]
fn what_is_large_and_repeats_itself_takes_less_room_and_nothing_else_is_compressed() {
    let mut noise = 1_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 56) as u8
    })
    .take(5_000)
    .collect();
    for how in BOTH {
        let envelope = Envelope::new().compressed(how);
        let taken = |payload: &[u8]| envelope.seal("k", &head(), &[], payload).unwrap().len();
        assert!(taken(&text(5_000)) < 2_500, "{how:?}");
        assert_eq!(taken(&text(255)), 64 + 255 + 8, "{how:?}: small");
        assert!(taken(&text(256)) < 64 + 256 + 8, "{how:?}: not small");
        assert_eq!(taken(&random), 64 + random.len() + 8, "{how:?}: not smaller");
    }
}

#[test]
fn what_was_compressed_is_opened_whatever_the_reader_compresses_by() {
    for writer in BOTH {
        let sealed = Envelope::new().compressed(writer).seal("k", &head(), &[], &text(999)).unwrap();
        for reader in
            [Envelope::new(), Envelope::new().compressed(BOTH[0]), Envelope::new().compressed(BOTH[1])]
        {
            assert_eq!(reader.open("k", &sealed).unwrap().payload, text(999));
        }
    }
}

#[test]
fn one_context_compresses_large_and_small_after_each_other_and_after_a_failure() {
    let envelope = Envelope::new().compressed(Compression::Zstd);
    for len in [300_000, 300, 70_000, 256] {
        let sealed = envelope.seal("k", &head(), &[], &text(len)).unwrap();
        assert_eq!(envelope.open("k", &sealed).unwrap().payload, text(len));
        let cut = vouched("k", sealed[..sealed.len() - 8 - 9].to_vec());
        assert_eq!(envelope.open("k", &cut), Err(Unreadable::Inflate));
    }
}

#[test]
fn the_largest_payload_is_compressed_and_opened() {
    let largest = vec![0; MAX_PAYLOAD];
    for how in BOTH {
        let envelope = Envelope::new().compressed(how);
        let sealed = envelope.seal("k", &head(), &[], &largest).unwrap();
        assert!(sealed.len() < MAX_PAYLOAD / 100, "{how:?}");
        assert!(envelope.open("k", &sealed).unwrap().payload == largest, "{how:?}");
    }
}
