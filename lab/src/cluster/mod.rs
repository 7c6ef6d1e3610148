//! A Kubernetes API server inside a network namespace, and the product beside it: alone, or as a whole [`Cluster`].

mod access;
mod apply;
mod assembly;
mod assets;
mod audit;
mod certificates;
mod control_plane;
mod controller;
pub(crate) mod membership;
pub mod network;
mod node;
mod pod;
mod product;
mod speaker;
pub mod standing;

pub use access::Access;
pub use assembly::Cluster;
pub use assets::Assets;
pub use audit::{Audit, Requests};
pub use control_plane::ControlPlane;
pub use controller::Run;
pub(crate) use node::register as register_node;
pub use pod::{Pod, Readiness};
pub use product::NAMESPACE;
pub(crate) use product::register_speaker;
pub(crate) use speaker::pod_name;
