//! Bytes of anybody, as they are.
#![no_main]

use cache_core::codec::Raw;
use libfuzzer_sys::fuzz_target;
use macadamia_fuzz::reads_what_it_stored;

fuzz_target!(|data: &[u8]| {
    reads_what_it_stored::<Vec<u8>>(&Raw, data);
    reads_what_it_stored::<String>(&Raw, data);
});
