//! A few bytes that inflate to many.

use bytes::Bytes;
use cache_core::Unreadable;
use cache_core::envelope::{Digest, MAX_PAYLOAD};

use super::support::{head, signed};
use super::{FLAGS, HEADER, INFLATED, KEY, changed};

const LZ4: u8 = 1 << 2;
const ZSTD: u8 = 2 << 2;
const BOMB: u32 = 200_000_000;

/// So many zeros, by a few bytes that say so.
fn lz4(zeros: u32) -> Vec<u8> {
    // One literal, a copy of it from one byte back, of a length in steps of 255; then a last literal.
    let copied = zeros - 2 - 19;
    let mut block = vec![0x1F, 0, 1, 0];
    block.resize(4 + copied as usize / 255, 255);
    block.extend_from_slice(&[(copied % 255) as u8, 0x10, 0]);
    block
}

fn zstd(zeros: u32, with_size: bool) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    if with_size {
        encoder.set_pledged_src_size(Some(zeros.into())).unwrap();
    }
    std::io::copy(&mut std::io::repeat(0).take(zeros.into()), &mut encoder).unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}

fn announced(flags: u8, inflated: u32, payload: &[u8]) -> Result<Bytes, Unreadable> {
    changed(|body| {
        body[FLAGS] |= flags;
        body[INFLATED..][..4].copy_from_slice(&inflated.to_le_bytes());
        body.splice(HEADER.., payload.iter().copied());
    })
}

#[test]
fn what_is_made_by_hand_for_these_tests_inflates() {
    for zeros in [300, 1_000_000] {
        let zeroed = vec![0; zeros as usize];
        assert!(announced(LZ4, zeros, &lz4(zeros)).unwrap() == zeroed);
        assert!(announced(ZSTD, zeros, &zstd(zeros, true)).unwrap() == zeroed);
        assert!(announced(ZSTD, zeros, &zstd(zeros, false)).unwrap() == zeroed);
    }
}

#[test]
fn a_bomb_is_not_inflated_however_large_it_says_it_is() {
    let most = u32::try_from(MAX_PAYLOAD).unwrap();
    for (flags, bomb) in [(LZ4, lz4(BOMB)), (ZSTD, zstd(BOMB, true)), (ZSTD, zstd(BOMB, false))] {
        for small in [0, 1, 255, 4096, most] {
            assert_eq!(announced(flags, small, &bomb), Err(Unreadable::Inflate), "{small} bytes");
        }
        for large in [most + 1, BOMB, u32::MAX] {
            assert_eq!(announced(flags, large, &bomb), Err(Unreadable::TooLarge), "{large} bytes");
        }
    }
}

#[test]
fn what_inflates_to_less_than_it_announces_is_unreadable() {
    for more in [1_001, 5_000, 32_000_000] {
        assert_eq!(announced(LZ4, more, &lz4(1_000)), Err(Unreadable::Inflate));
        assert_eq!(announced(ZSTD, more, &zstd(1_000, true)), Err(Unreadable::Inflate));
        assert_eq!(announced(ZSTD, more, &zstd(1_000, false)), Err(Unreadable::Inflate));
    }
}

#[test]
fn what_is_no_compressed_payload_is_unreadable() {
    for flags in [LZ4, ZSTD] {
        for payload in [&b""[..], b"\0", b"payload", &[0xFF; 99], &zstd(300, true)[..9], &lz4(900)[..5]] {
            for inflated in [1, 7, 300] {
                assert_eq!(announced(flags, inflated, payload), Err(Unreadable::Inflate), "{payload:?}");
            }
        }
    }
    let twice = [zstd(300, true), zstd(300, true)].concat();
    assert_eq!(announced(ZSTD, 300, &twice), Err(Unreadable::Inflate), "two frames, one announced");
}

#[test]
fn a_signature_is_checked_before_anything_is_inflated() {
    let mut bomb = signed(Digest::Sha256).seal(KEY, &head(), &[], &zstd(BOMB, true)).unwrap().to_vec();
    bomb[FLAGS] |= ZSTD;
    assert_eq!(signed(Digest::Sha256).open(KEY, &bomb.into()), Err(Unreadable::Signature));
}
