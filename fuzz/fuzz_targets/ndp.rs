//! Neighbor Discovery: see `arp_ndp::fuzzing::ndp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|packet: &[u8]| arp_ndp::fuzzing::ndp(packet));
