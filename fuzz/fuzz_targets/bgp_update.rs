//! Bodies of UPDATEs: see `bgp_wire::fuzzing::update`.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| bgp_wire::fuzzing::update(body));
