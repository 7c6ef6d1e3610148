//! What members say to each other: see `election::membership::fuzzing::datagram`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| election::membership::fuzzing::datagram(octets));
