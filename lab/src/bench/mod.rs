//! How fast the product does its work on a real API server, and at what cost: beside MetalLB where that is given.

mod contender;
mod controller;
mod samples;
mod site;
mod speaker;
mod table;
mod usage;

pub use contender::Contender;
pub use controller::{Load, Policy, bench_controller};
pub use speaker::bench_speaker;
