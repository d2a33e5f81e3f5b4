//! Bytes of anybody, read as MessagePack.
#![no_main]

use cache_core::codec::MsgPack;
use libfuzzer_sys::fuzz_target;
use macadamia_fuzz::{Everything, Tree, keeps_what_it_is_given, reads_what_it_stored};

fuzz_target!(|data: &[u8]| {
    reads_what_it_stored::<Everything>(&MsgPack, data);
    reads_what_it_stored::<Tree>(&MsgPack, data);
    keeps_what_it_is_given(&MsgPack, Everything::from(data));
});
