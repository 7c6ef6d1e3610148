//! A deterministic, sticky address allocator for pools of IPv4 and IPv6 addresses.
//!
//! [`allocate`] is one pure function over the whole set: the [`Pools`], what every holder has now (its [`Assignment`])
//! and what every holder asks for (its [`Request`]) go in; a [`Plan`] with one [`Decision`] a holder comes out. [`Allocator`] gives
//! the same one change at a time. Neither reads a clock or does I/O; the crate is `no_std`, so the compiler sees to that.
//!
//! # Contract of [`allocate`]
//!
//! * **Sticky.** What a holder has now stays with it as long as the rules allow it: the addresses are in one pool that
//!   admits the holder, fit the families and the wish of its request, and nobody older has them in a way that cannot be
//!   shared.
//! * **Holders before newcomers, older before younger.** Nothing new is handed out before all that is held has been
//!   confirmed. Then requests are served by creation time, equal times by key.
//! * **Deterministic.** The result depends on the content of the three arguments alone, never on an order of arrival.
//! * **Kept for others, kept from all.** Nobody is newly given an address that is [excluded](Pool::exclude), of a pool
//!   that is [disabled](Pool::disabled), or [reserved](Pools::reserve) for others. Neither takes one from its holder.
//! * **Every "no" has a reason** that carries the facts: [`Release`], [`AllocError`], [`Shortage`].
//! * **Whole pools are ordinary.** A /8 or an IPv6 /64 costs no more than a /30: finding the lowest free address is
//!   logarithmic in the number of free gaps.
//!
//! The rules are those of MetalLB's `IPAddressPool` and Service annotations, with its random orders replaced by names.
//! Draining and reservations are additions.
//!
//! ```
//! use std::collections::BTreeMap;
//! use ipam::{Assignment, Families, Family, Pool, Pools, Request, allocate};
//!
//! let pool = Pool::try_new("default", ["203.0.113.0/30".parse()?])?;
//! let pools = Pools::try_new([pool])?;
//! let current = BTreeMap::from([("web", Assignment::new(["203.0.113.1".parse()?]))]);
//! let requests = ["web", "mail"].map(|key| (key, Request::new(Families::Single(Family::V4)))).into();
//! let plan = allocate(&pools, &current, &requests);
//! assert_eq!(plan.decisions["mail"].placement().unwrap().addresses.to_string(), "203.0.113.0");
//! assert_eq!(plan.decisions["web"].placement().unwrap().addresses.to_string(), "203.0.113.1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod addresses;
mod allocate;
mod allocator;
mod choose;
mod family;
mod free;
#[doc(hidden)]
pub mod fuzzing;
mod lots;
mod names;
mod occupancy;
mod plan;
mod pool;
mod pools;
mod range;
mod request;
mod rules;
mod sharing;
mod space;
mod usage;
mod waiting;

pub use addresses::{Addresses, AddressesError};
pub use allocate::allocate;
pub use allocator::{Allocator, Changes, Claim};
pub use family::Family;
pub use names::{PoolName, ReservationName};
pub use plan::{
    AllocError, Conflict, ConflictCause, Decision, PassedOver, PassedOverCause, Placement, Plan,
    Refusal, Release, Shortage, ShortageCause,
};
pub use pool::{Pool, PoolError, Priority};
pub use pools::{LookupError, Pools, PoolsError};
pub use range::{IpRange, RangeError};
pub use request::{
    Assignment, Families, Holder, Port, Protocol, ProtocolError, Request, Sharing, Wanted,
};
pub use usage::Usage;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
