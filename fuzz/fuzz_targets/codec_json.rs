//! Bytes of anybody, read as JSON.
#![no_main]

use cache_core::codec::Json;
use libfuzzer_sys::fuzz_target;
use macadamia_fuzz::{Everything, Tree, keeps_what_it_is_given, reads_what_it_stored};

fuzz_target!(|data: &[u8]| {
    reads_what_it_stored::<Everything>(&Json, data);
    reads_what_it_stored::<Tree>(&Json, data);
    keeps_what_it_is_given(&Json, Everything::from(data));
});
