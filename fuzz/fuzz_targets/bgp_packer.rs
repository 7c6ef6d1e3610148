//! Prefixes packed into UPDATEs: see `bgp_wire::fuzzing::packer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|prefixes: &[u8]| bgp_wire::fuzzing::packer(prefixes));
