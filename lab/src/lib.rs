#![doc = include_str!("../README.md")]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "support for this repository's tests and demo; nobody else builds on it"
)]

mod answer;
mod client;
mod error;
mod folder;
pub mod manifests;
mod netns;
mod probe;
mod process;
mod product;
pub mod router;
mod skip;
pub mod topology;
mod wait;

pub use answer::answer;
pub use error::LabError;
pub use folder::folder;
pub use manifests::Manifests;
pub use netns::{Namespace, remove_all, sweep};
pub use probe::{Probe, Request, Trace};
pub use process::{Process, output};
pub use product::Product;
pub use skip::{Requirement, binary, find_program, requires};
pub use topology::{Cable, Host, Names, Size, Topology, own_binary};
pub use wait::{interrupt, until};
