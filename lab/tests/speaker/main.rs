//! The product on a whole cluster: one for all tests of this file's modules, and for each test a [`tenant::Tenant`]:
//! a namespace, addresses, and a pool of its own. What disturbs others takes the cluster for itself.
//!
//! `docs/conformance.md` lists which row of compat/metallb.md 8.2 to 8.4 each test covers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod bgp;
mod both_modes;
mod conformance;
mod drain;
mod economy;
mod families;
mod harness;
mod layer2;
#[path = "../cluster/object.rs"]
mod object;
mod outage;
mod process;
#[path = "../cluster/service.rs"]
#[expect(dead_code, reason = "tests/cluster needs more of it")]
mod service;
#[path = "../product/sessions.rs"]
mod sessions;
mod state;
mod tenant;
mod traffic;
mod whole;
