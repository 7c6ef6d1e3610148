//! Elect one owner a key among many nodes, without a word between them.
//!
//! Every node that knows the same candidates computes the same winner for a key: the highest [preference] wins, and
//! among equals the lowest SHA-256 over `name#key`. This is rendezvous hashing: when a candidate leaves, only the keys
//! it owned move, and when it comes back, only those return. The order is, octet for octet, the one by which `MetalLB`
//! picks the node that answers for an address.
//!
//! Nobody is asked and nothing is remembered: who the candidates are (which nodes are alive and eligible) is for the
//! caller to know, and two nodes that know different candidates may name different owners.
//!
//! Which nodes are alive is what `membership` (feature `membership`) finds out, by SWIM over sealed datagrams; with the
//! feature `tokio` there is a `driver` for it. The election does not depend on it.
//!
//! ```
//! use election::{Candidate, elect};
//!
//! let candidates = ["node-a", "node-b", "node-c"].map(|name| Candidate::new(name, 0));
//! assert_eq!(elect(&candidates, "203.0.113.10").unwrap().name(), "node-c");
//! ```
//!
//! [preference]: Candidate::preference

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "tokio")]
pub mod driver;
mod elect;
#[cfg(feature = "membership")]
pub mod membership;
mod score;

pub use elect::{Candidate, elect, rank};

#[cfg(all(doctest, feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
