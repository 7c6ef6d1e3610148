//! A Kubernetes API server inside a network namespace, and the product's controller beside it.

mod access;
mod apply;
mod assets;
mod audit;
mod certificates;
mod control_plane;
mod controller;

pub use access::Access;
pub use assets::Assets;
pub use audit::{Audit, Requests};
pub use control_plane::ControlPlane;
pub use controller::{Controller, Run};
