//! BFD control packets: see `bfd::fuzzing::bfd_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|payload: &[u8]| bfd::fuzzing::bfd_packet(payload));
