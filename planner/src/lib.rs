//! FerroLB's decisions.

#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "internal to FerroLB: whoever matches on these must hear of every new case"
)]

pub mod allocation;
mod bgp;
mod bgp_grants;
pub mod config;
pub mod desired;
pub mod diff;
pub mod effect;
pub mod eligible;
pub mod endpoints;
pub mod family;
mod l2;
mod l2_electorate;
pub mod names;
pub mod node;
pub mod observed;
mod remedy;
pub mod report;
pub mod selector;
pub mod service;
pub mod snapshot;
pub mod status;
mod subject;
pub mod verdict;
