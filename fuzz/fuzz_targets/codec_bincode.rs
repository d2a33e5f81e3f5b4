//! Bytes of anybody, read by bincode.
#![no_main]

use cache_core::codec::Bincode;
use libfuzzer_sys::fuzz_target;
use macadamia_fuzz::{Everything, Tree, keeps_what_it_is_given, reads_what_it_stored};

fuzz_target!(|data: &[u8]| {
    reads_what_it_stored::<Everything>(&Bincode, data);
    reads_what_it_stored::<Tree>(&Bincode, data);
    keeps_what_it_is_given(&Bincode, Everything::from(data));
});
