//! FerroLB's processes: Kubernetes objects in, addresses announced out.
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the client of the Kubernetes API |
//! | [`crd`] | the `metallb.io` kinds as Rust types |
//! | [`source`] | where objects come from: an API server or a folder of manifests |
//! | [`translate`] | pure: objects to the planner's snapshot, with errors that name object and field |
//! | [`legacy`] | pure: configuration of old versions of MetalLB to the kinds of today |
//! | [`sink`] | where effects go: an API server or status files |
//! | [`controller`] | the process that hands out addresses |
//! | [`speaker`] | the process that announces them |
//! | [`webhook`] | what an API server asks before it stores our kinds, and to convert them |
//! | [`lease`] | which of several controllers decides |
//! | [`admin`] | metrics and probes |
//! | [`listen`], [`tls`] | sockets and certificates for what is served |
//! | [`flags`], [`telemetry`], [`shutdown`] | what both processes need |
//! | [`privileges`] | what a process may do and gives up |
#![forbid(unsafe_code)]
#![expect(
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "internal to FerroLB: whoever matches on these must hear of every new case"
)]

pub mod admin;
pub mod client;
pub mod controller;
pub mod crd;
pub mod flags;
pub mod lease;
pub mod legacy;
pub mod listen;
pub mod privileges;
pub mod shutdown;
pub mod sink;
pub mod source;
pub mod speaker;
pub mod telemetry;
pub mod tls;
pub mod translate;
pub mod webhook;
mod writer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
