#![doc = include_str!("../README.md")]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "support for this repository's tests and demo; nobody else builds on it"
)]

mod answer;
mod assembly;
mod bench;
mod client;
pub mod cluster;
mod demo;
mod error;
pub mod failover;
mod folder;
mod guard;
pub mod manifests;
mod netns;
mod probe;
mod process;
mod product;
mod question;
pub mod router;
mod signals;
mod skip;
pub mod standing;
pub mod topology;
mod wait;

pub use answer::answer;
pub use assembly::Lab;
pub use bench::{
    ArpLoad, Contender, Load, Policy, Times, bench_controller, bench_failover, bench_layer2,
    bench_speaker,
};
pub use demo::demo;
pub use error::LabError;
pub use folder::folder;
pub use guard::{guard, start_guard};
pub use manifests::Manifests;
pub use netns::{Namespace, remaining, remove_all, sweep};
pub use probe::{Probe, Request, Trace};
pub use process::{Process, output};
pub use product::{GOODBYE, Product};
pub use signals::interrupt_on_signals;
pub use skip::{Requirement, binary, find_program, requires};
pub use topology::{Cable, Delivery, Host, Names, Passage, Size, Topology, own_binary};
pub use wait::{interrupt, until};
