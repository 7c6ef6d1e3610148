//! Ethernet and ARP: see `arp_ndp::fuzzing::arp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|frame: &[u8]| arp_ndp::fuzzing::arp(frame));
