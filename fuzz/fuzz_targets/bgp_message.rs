//! Whole messages, read, walked, copied and sent again: see `bgp_wire::fuzzing::message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| bgp_wire::fuzzing::message(message));
