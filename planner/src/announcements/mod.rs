//! What one node shall be doing, kept up to date change by change.

mod outlook;

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;

pub(crate) use self::outlook::Outlook;
use crate::bgp::Rescoped;
use crate::departure::Departure;
use crate::desired::Desired;
use crate::l2::{Layer2, Surroundings};
use crate::names::{NodeName, ServiceKey};
use crate::snapshot::Snapshot;
use crate::subject::{Examined, examine, examine_all};
use crate::verdict::Verdicts;

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
///
/// * A Service, or its endpoints: that Service, and those with which it shares an address, an owner, or a prefix for which
///   they want different attributes.
/// * A Node: the elections that it could win or has won; if it is this one, its sessions and routes too, where its labels
///   select others.
/// * The configuration: every Service is looked at, but no election is held whose candidates are the same.
#[derive(Clone, Debug)]
pub struct Announcements {
    /// The same on every node.
    layer2: Arc<Layer2>,
    outlook: Outlook,
}

impl Announcements {
    /// Of node `me`, which stays. Nothing is known yet, so nothing is announced.
    #[must_use]
    pub fn new(me: NodeName) -> Self {
        Self {
            layer2: Arc::default(),
            outlook: Outlook::new(me),
        }
    }

    /// Those of node `me` as this one sees the cluster: what is the same for both is shared. The snapshot is that of the
    /// call before.
    #[must_use]
    pub fn of_other(&self, snapshot: &Snapshot, me: NodeName) -> Self {
        let mut other = Self {
            layer2: Arc::clone(&self.layer2),
            outlook: Outlook::new(me),
        };
        let services = examine_all(snapshot);
        other
            .outlook
            .look_around(snapshot, &services, &other.layer2);
        other
    }

    /// Decides about everything that the snapshot holds.
    pub fn decide_anew(&mut self, snapshot: &Snapshot) {
        let (me, departure) = (self.outlook.me().clone(), self.outlook.departure());
        *self = Self::new(me);
        self.outlook.set_departure(departure);
        let everything = Affected {
            config: true,
            ..Affected::default()
        };
        self.update(snapshot, &everything);
    }

    /// Decides about what has changed since the snapshot of the call before, and what depends on it.
    pub fn update(&mut self, snapshot: &Snapshot, affected: &Affected) {
        if affected.is_empty() {
            return;
        }
        let surroundings = if affected.config || !affected.nodes.is_empty() {
            Surroundings::Changed
        } else {
            Surroundings::Same
        };
        let known = self.outlook.desired().verdicts.clone();
        let services = if affected.config {
            everything(snapshot, &known, affected)
        } else {
            examine(snapshot, &affected.services)
        };
        let layer2 = Arc::make_mut(&mut self.layer2);
        let reached = layer2.update(snapshot, &services, surroundings);
        let is_mine = affected.config || affected.nodes.contains(self.outlook.me());
        if is_mine && self.outlook.rescope(snapshot) == Rescoped::Yes && !affected.config {
            let services = everything(snapshot, &known, affected);
            self.outlook.update(&services, layer2, reached);
        } else {
            self.outlook.update(&services, layer2, reached);
        }
    }

    /// How far the node has got with leaving. The snapshot is that of the call before.
    pub fn set_departure(&mut self, snapshot: &Snapshot, departure: Departure) {
        if self.outlook.departure() != departure {
            self.outlook.set_departure(departure);
            let services = examine_all(snapshot);
            self.outlook.look_around(snapshot, &services, &self.layer2);
        }
    }

    /// How far the node has got with leaving.
    #[must_use]
    pub fn departure(&self) -> Departure {
        self.outlook.departure()
    }

    /// What the node shall be doing. A clone shares all of it, and costs nothing.
    #[must_use]
    pub fn desired(&self) -> &Desired {
        self.outlook.desired()
    }
}

/// Every Service that there is, or of which there are `verdicts` still, or that has come and gone.
fn everything<'a>(
    snapshot: &'a Snapshot,
    verdicts: &'a OrdMap<ServiceKey, Verdicts>,
    affected: &'a Affected,
) -> Examined<'a> {
    let mut services = examine_all(snapshot);
    let known = verdicts.keys().chain(&affected.services);
    let gone: Vec<_> = known.filter(|key| !services.contains_key(key)).collect();
    services.extend(gone.into_iter().map(|key| (key, None)));
    services
}
