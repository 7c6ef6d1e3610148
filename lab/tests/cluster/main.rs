//! The controller against a real API server: one server for all tests of this file's modules, and for each test a
//! [`tenant::Tenant`]: a namespace, a loadBalancerClass and a controller of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod addresses;
mod announced;
mod assignment;
mod both_modes;
mod configuration_state;
mod definitions;
mod economy;
mod harness;
mod last_good;
mod legacy;
mod object;
mod outage;
mod replicas;
mod reservations;
mod rights;
mod rules;
mod service;
mod takeover;
mod telling;
mod tenant;
mod webhook;
