//! Kubernetes objects to the planner's snapshot. Pure: no client, no clock, no I/O, no runtime.
//!
//! What a user wrote is untrusted here and valid afterwards: every rule that MetalLB checks is checked
//! (compat/metallb.md 1), each breach is a [`ConfigError`] naming object and field, and only that object is out of
//! force.

mod advertisements;
mod annotations;
mod bfd;
mod claims;
mod communities;
mod configuration;
mod endpoints;
mod error;
mod frr;
mod kept_nodes;
mod last_good;
mod nodes;
mod notices;
mod objects;
mod peers;
mod policies;
mod pools;
mod problems;
mod reservations;
mod secrets;
mod selectors;
mod services;
mod snapshot;
mod statuses;
mod stored;

pub use self::annotations::{Annotations, IP_ALLOCATED_FROM_POOL};
pub(crate) use self::claims::SPEAKER;
pub use self::claims::claims_changed;
pub use self::endpoints::{Slice, slice};
pub use self::error::{
    ConfigError, ErrorEffect, FieldLines, Kind, ObjectName, ObjectRef, Origin, Reason,
};
pub use self::nodes::{namespace, node};
pub use self::notices::notice;
pub use self::objects::{ClusterObjects, Object, Objects, Stamp};
pub use self::problems::problems;
pub use self::services::service;
pub use self::snapshot::{Changed, TranslateOptions, Translator, snapshot};
pub(crate) use self::statuses::Status;
pub use self::statuses::{Said, status_name, statuses, statuses_changed};
pub use self::stored::{LAST_GOOD_SECRET, LAST_GOOD_TYPE, last_good_shown};
