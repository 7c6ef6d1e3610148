#![doc = include_str!("../README.md")]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "support for this repository's tests and demo; nobody else builds on it"
)]

mod error;
mod netns;
mod process;
mod skip;
mod wait;

pub use error::LabError;
pub use netns::{Namespace, remove_all, sweep};
pub use process::{Process, output};
pub use skip::{Requirement, binary, find_program, requires};
pub use wait::{interrupt, until};
