//! Zstandard with contexts that a thread keeps: making one takes several times as long as a small payload does.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// The quickest of the usual ones. Readers do not ask which it was.
const LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// `None` if zstd cannot, as when there is no memory.
pub(super) fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR
        .try_with(|kept| {
            let mut kept = kept.try_borrow_mut().ok()?;
            let compressor = get_or_make(&mut kept, || Compressor::new(LEVEL))?;
            compressor.compress(payload).ok()
        })
        .ok()?
}

/// `None` if it is nothing of zstd's, or more than `most` bytes.
pub(super) fn inflate(payload: &[u8], most: usize) -> Option<Vec<u8>> {
    DECOMPRESSOR
        .try_with(|kept| {
            let mut kept = kept.try_borrow_mut().ok()?;
            let decompressor = get_or_make(&mut kept, Decompressor::new)?;
            decompressor.decompress(payload, most).ok()
        })
        .ok()?
}

fn get_or_make<C>(kept: &mut Option<C>, make: impl FnOnce() -> io::Result<C>) -> Option<&mut C> {
    if kept.is_none() {
        *kept = Some(make().ok()?);
    }
    kept.as_mut()
}
