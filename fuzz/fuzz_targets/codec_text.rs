//! Bytes of anybody, read as the text of one scalar.
#![no_main]

use cache_core::codec::Text;
use libfuzzer_sys::fuzz_target;
use macadamia_fuzz::{Float, reads_what_it_stored};

fuzz_target!(|data: &[u8]| {
    reads_what_it_stored::<String>(&Text, data);
    reads_what_it_stored::<i64>(&Text, data);
    reads_what_it_stored::<u128>(&Text, data);
    reads_what_it_stored::<bool>(&Text, data);
    reads_what_it_stored::<char>(&Text, data);
    reads_what_it_stored::<Float>(&Text, data);
});
