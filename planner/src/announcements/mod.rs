//! What one node shall be doing, kept up to date change by change.

use std::collections::BTreeSet;

use crate::departure::Departure;
use crate::desired::{Desired, departing_state};
use crate::names::{NodeName, ServiceKey};
use crate::snapshot::Snapshot;

/// What has changed in a snapshot, as far as announcements depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The Services that have come, gone or are not as they were, in themselves or in their endpoints.
    pub services: BTreeSet<ServiceKey>,
    /// The Nodes that have come, gone or are not as they were.
    pub nodes: BTreeSet<NodeName>,
    /// Whether the configuration in force is not as it was.
    pub config: bool,
}

impl Affected {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty() && self.nodes.is_empty() && !self.config
    }
}

/// What one node shall be doing, kept up to date change by change: always what
/// [`departing_state`](crate::desired::departing_state) says of the newest snapshot, at the cost of what has changed.
#[derive(Clone, Debug)]
pub struct Announcements {
    me: NodeName,
    departure: Departure,
    desired: Desired,
}

impl Announcements {
    /// Of node `me`, which stays. Nothing is known yet, so nothing is announced.
    #[must_use]
    pub fn new(me: NodeName) -> Self {
        Self {
            me,
            departure: Departure::Staying,
            desired: Desired::default(),
        }
    }

    /// Decides about everything that the snapshot holds.
    pub fn decide_anew(&mut self, snapshot: &Snapshot) {
        self.desired = departing_state(snapshot, &self.me, self.departure);
    }

    /// Decides about what has changed since the snapshot of the call before, and what depends on it.
    pub fn update(&mut self, snapshot: &Snapshot, affected: &Affected) {
        if !affected.is_empty() {
            self.decide_anew(snapshot);
        }
    }

    /// How far the node has got with leaving; the snapshot is that of the call before.
    pub fn set_departure(&mut self, snapshot: &Snapshot, departure: Departure) {
        if self.departure != departure {
            self.departure = departure;
            self.decide_anew(snapshot);
        }
    }

    /// How far the node has got with leaving.
    #[must_use]
    pub fn departure(&self) -> Departure {
        self.departure
    }

    /// What the node shall be doing. A clone shares all of it, and costs nothing.
    #[must_use]
    pub fn desired(&self) -> &Desired {
        &self.desired
    }
}
