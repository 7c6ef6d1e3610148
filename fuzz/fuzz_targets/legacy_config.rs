//! The ConfigMap of MetalLB 0.9 to 0.12: see `k8s_adapter::legacy::fuzzing::legacy_config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| k8s_adapter::legacy::fuzzing::legacy_config(text));
