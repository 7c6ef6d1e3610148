//! Every decision of FerroLB: which Service gets which address, and which node announces it how.
//!
//! The crate is functions over plain values. It reads no clock, opens no socket, knows neither Kubernetes nor files and,
//! save for one type, keeps nothing between calls, so what it decides can be predicted, replayed and shown: `ferrolb plan`
//! is a window onto it.
//!
//! | function | asked by | answers |
//! |---|---|---|
//! | [`Allocations`] | controller | which addresses each Service has, and what to write and tell, change by change |
//! | [`plan_allocation`] | `ferrolb plan` | the same about all Services at once |
//! | [`Announcements`] | speaker | the sessions, routes and addresses of one node, and why not more, change by change |
//! | [`desired_state`] | `ferrolb plan` | the same of a node that is left alone, at once |
//! | [`node_status`] | speaker | what to write and tell, given what the drivers have really done |
//! | [`report()`](report::report) | `ferrolb plan` | all of the above for people, with what would help |
//!
//! All take a [`Snapshot`]: the configuration in force and what is known of Services, endpoints and nodes. Two equal
//! snapshots give equal answers, on whatever node: that is how nodes agree without a word between them. [`Announcements`]
//! also take the [`members`] that are alive, and agree as far as the nodes hear the same.
//!
//! # Contract
//!
//! * Applying an [`AllocationPlan`](allocation::AllocationPlan) and planning again changes nothing, and change by change
//!   the same comes of it as at once.
//! * An address that is announced on a link has exactly one owner over all nodes.
//! * A route lives as long as a Service with an address in its prefix is announced, and no longer.
//! * Where two Services get in each other's way the older has precedence, then the one that is first by name.
//! * Every "no" is a value with its facts: [`Reason`](verdict::Reason), [`PeerVerdict`](verdict::PeerVerdict),
//!   [`Exclusion`](eligible::Exclusion), [`AllocationRefusal`](allocation::AllocationRefusal). `Display` says what is
//!   wrong, `remedy` what would help.
//! * The cost of a decision grows with the number of Services times what applies to each, not with their square.
//!
//! The rules, reasons, events and defaults are those of MetalLB. Deviation: Services that share an address have one
//! owner even where MetalLB would elect each on its own (other candidates by traffic policy Local, or another first
//! address), since two answers to one ARP request are worse than either.

#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "internal to FerroLB: whoever matches on these must hear of every new case"
)]

pub mod allocation;
pub mod announced;
pub mod announcements;
mod bgp;
pub mod config;
pub mod departure;
pub mod desired;
pub mod diff;
pub mod effect;
pub mod eligible;
pub mod endpoints;
pub mod family;
mod l2;
pub mod members;
pub mod names;
pub mod node;
pub mod observed;
pub mod overlap;
mod remedy;
pub mod report;
pub mod reservation;
pub mod selector;
pub mod service;
pub mod service_set;
pub mod snapshot;
pub mod status;
mod subject;
pub mod verdict;

pub use allocation::{Allocations, plan_allocation};
pub use announcements::Announcements;
pub use desired::{Desired, desired_state};
pub use snapshot::Snapshot;
pub use status::node_status;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
