//! What opening takes: nothing for what is small and plain, and never more than an entry may be, whoever wrote it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "envelope/support.rs"]
mod support;

use bytes::Bytes;
use cache_core::envelope::{Digest, Envelope, MAX_PAYLOAD};
use support::{head, signed, trailers, vouched};

/// Counts what this thread allocates.
mod counting {
    #![expect(
        unsafe_code,
        reason = "a global allocator is an unsafe trait; this one only counts and forwards"
    )]

    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
        static BYTES: Cell<usize> = const { Cell::new(0) };
    }

    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    fn count(size: usize) {
        COUNT.set(COUNT.get() + 1);
        BYTES.set(BYTES.get() + size);
    }

    // SAFETY: every call is forwarded unchanged to the system allocator.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            count(layout.size());
            unsafe { System.alloc(layout) }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            count(layout.size());
            unsafe { System.alloc_zeroed(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            count(size);
            unsafe { System.realloc(pointer, layout, size) }
        }
    }

    /// How many allocations, and of how many bytes together.
    pub(super) fn during<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
        let before = (COUNT.get(), BYTES.get());
        let out = work();
        (out, COUNT.get() - before.0, BYTES.get() - before.1)
    }
}

const KEY: &str = "user:7";

#[test]
fn sealing_takes_one_allocation_and_opening_takes_none() {
    for (name, envelope) in trailers() {
        let payload = [7; 1000];
        let (sealed, count, bytes) = counting::during(|| envelope.seal(KEY, &head(), &[], &payload).unwrap());
        assert_eq!((count, bytes), (1, sealed.len()), "{name}");
        // The first clone of bytes that were a vector notes that they are shared now.
        drop(sealed.clone());
        let (opened, count, _) = counting::during(|| envelope.open(KEY, &sealed));
        assert_eq!((opened.unwrap().payload.len(), count), (1000, 0), "{name}");
    }
}

#[test]
fn opening_a_state_takes_no_memory() {
    let envelope = signed(Digest::Sha256);
    let kept = envelope.seal_state(KEY, b"state");
    let (_, count, _) = counting::during(|| envelope.open_state(KEY, &kept).unwrap().len());
    assert_eq!(count, 0);
}

/// A fixed part with these claims, and `rest` behind it.
fn claiming(flags: u8, tags: u16, inflated: u32, rest: &[u8]) -> Bytes {
    let mut body = vec![0xCA, 0xDA, 1, flags, 0, 0];
    body.extend_from_slice(&tags.to_le_bytes());
    body.resize(60, 7);
    body.extend_from_slice(&inflated.to_le_bytes());
    body.extend_from_slice(rest);
    vouched(KEY, body)
}

#[test]
fn nothing_is_taken_for_what_is_only_announced() {
    let most = u32::try_from(MAX_PAYLOAD).unwrap();
    for (flags, tags, inflated) in [
        (0, u16::MAX, 0),
        (0, 0, u32::MAX),
        (1 << 2, 0, u32::MAX),
        (2 << 2, 0, u32::MAX),
        (1 << 2, 0, most + 1),
        (2 << 2, 0, most + 1),
        // LZ4 makes at most 255 bytes of one.
        (1 << 2, 0, most),
    ] {
        let bytes = claiming(flags, tags, inflated, &[0; 100]);
        let (opened, _, taken) = counting::during(|| Envelope::new().open(KEY, &bytes));
        assert!(opened.is_err());
        assert_eq!(taken, 0, "flags {flags:#b}, {tags} tags, {inflated} bytes");
    }
}

#[test]
fn tags_take_no_more_than_six_times_their_bytes() {
    let bytes = claiming(0, u16::MAX, 0, &vec![0; 65_535 * 10]);
    let (opened, _, taken) = counting::during(|| Envelope::new().open(KEY, &bytes));
    assert_eq!(opened.unwrap().tags.len(), 65_535);
    assert!(taken < 6 * bytes.len(), "{taken} bytes of memory for {}", bytes.len());
}

#[cfg(all(feature = "lz4", feature = "zstd"))]
#[test]
fn a_bomb_takes_no_more_than_the_largest_entry() {
    let zeros = vec![0; 200_000_000];
    let most = u32::try_from(MAX_PAYLOAD).unwrap();
    for (flags, bomb) in
        [(1 << 2, lz4_flex::block::compress(&zeros)), (2 << 2, zstd::bulk::compress(&zeros, 1).unwrap())]
    {
        for announced in [1, most, most + 1, u32::MAX] {
            let bytes = claiming(flags, 0, announced, &bomb);
            let (opened, _, taken) = counting::during(|| Envelope::new().open(KEY, &bytes));
            assert!(opened.is_err());
            assert!(taken <= MAX_PAYLOAD, "{taken} bytes for {announced} announced");
        }
    }
}
