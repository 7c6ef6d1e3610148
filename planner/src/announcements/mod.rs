//! What one node shall be doing, kept up to date change by change.

mod outlook;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdMap;

pub(crate) use self::outlook::Outlook;
use crate::bgp::Rescoped;
use crate::departure::Departure;
use crate::desired::Desired;
use crate::l2::{Layer2, Surroundings};
use crate::members::Members;
use crate::names::{NodeName, ServiceKey};
use crate::report::{AddressReport, Report};
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
/// * Who is alive, or what that one says of its links: the elections that it could win or has won.
/// * What this node really has: the Services with these addresses.
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
        let mut layer2 = Layer2::default();
        layer2.set_members(self.layer2.members().cloned());
        let mut outlook = Outlook::new(self.outlook.me().clone());
        outlook.set_departure(self.outlook.departure());
        outlook.set_held(self.outlook.held().clone(), &layer2);
        (self.layer2, self.outlook) = (layer2.into(), outlook);
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

    /// Which speakers are alive, this node's among them, and what they say; `None` where nobody asks, and all count as
    /// alive. The snapshot is that of the call before.
    pub fn set_members(&mut self, snapshot: &Snapshot, members: Option<Members>) {
        if self.layer2.members() == members.as_ref() {
            return;
        }
        let layer2 = Arc::make_mut(&mut self.layer2);
        layer2.set_members(members);
        let services = Examined::new();
        let reached = layer2.update(snapshot, &services, Surroundings::Changed);
        self.outlook.update(&services, layer2, reached);
    }

    /// The addresses that this node really has: it answers for them, and no other is known to. Where advertisements say
    /// that an address does not move back ([`L2_FAILBACK`](crate::config::L2_FAILBACK)) it stays with who has it, and an
    /// address that goes to another node is answered for until that one has it ([`Tenure::Leaving`]).
    ///
    /// [`Tenure::Leaving`]: crate::desired::Tenure::Leaving
    pub fn set_held(&mut self, held: BTreeSet<IpAddr>) {
        if *self.outlook.held() != held {
            self.outlook.set_held(held, &self.layer2);
        }
    }

    /// Whether this node, and not `other`, shall have an address that both claim.
    ///
    /// Equal on all nodes with equal snapshots, whatever they hear of each other, and of the links of each: of two nodes of
    /// which at least one may announce the address exactly one outranks the other.
    #[must_use]
    pub fn outranks(&self, address: &IpAddr, other: &NodeName) -> bool {
        self.layer2.outranks(address, self.outlook.me(), other)
    }

    /// Who owns an address, who would in which order, and why each other node would not; `None` where no L2Advertisement
    /// is for it. The snapshot is that of the call before; this looks at all of it.
    #[must_use]
    pub fn address_report(&self, snapshot: &Snapshot, address: &IpAddr) -> Option<AddressReport> {
        let services = examine_all(snapshot);
        let subjects = services.values().flatten().flatten();
        let with = subjects.filter(|subject| subject.addresses.contains(address));
        let mut report = Report::default();
        for subject in with {
            report.add_addresses(subject, &self.layer2);
        }
        report.addresses.remove(address)
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
