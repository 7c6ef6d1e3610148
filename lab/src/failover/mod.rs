//! Addresses of layer 2 that move from one node to another: a place where that can be brought about in every way, and a
//! client that sees who answers meanwhile.

mod services;
mod sightings;
mod split;
mod stage;
mod trial;
mod watch;

pub use sightings::Sightings;
pub use split::Split;
pub use stage::{Drain, Stage};
pub use trial::{Move, Outcome, Seen, Trial};
pub use watch::{INTERVAL, Watch};

pub use crate::question::claim;
