//! Octet streams cut into messages: see `bgp_wire::fuzzing::framer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|stream: &[u8]| bgp_wire::fuzzing::framer(stream));
