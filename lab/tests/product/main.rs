//! The product against FRR, BIRD and the kernel: three nodes with a speaker each, both routers, a client, and one folder
//! of manifests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod bgp;
mod drain;
mod folder;
mod layer2;
mod passive;
mod plan;
mod policies;
mod reaction;
mod restarts;
mod services;
mod sessions;
mod stage;
