//! How fast the product does its work on a real API server, and at what cost: beside MetalLB where that is given.

mod contender;
mod controller;
mod failover;
mod layer2;
mod many;
mod samples;
mod site;
mod speaker;
mod table;
mod usage;

pub use contender::Contender;
pub(crate) use contender::Role;
pub use controller::{Load, Policy, bench_controller};
pub use failover::{Times, bench_failover};
pub use layer2::{ArpLoad, bench_layer2};
pub(crate) use site::{NAMESPACE, Site};
pub use speaker::bench_speaker;
