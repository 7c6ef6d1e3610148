//! Ranges of addresses in text: see `ipam::fuzzing::ip_range`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| ipam::fuzzing::ip_range(text));
