//! Everything that would come of a snapshot, for people: what `ferrolb plan` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipam::{PoolName, ReservationName, Usage};

use crate::allocation::{Allocation, plan_allocation};
use crate::departure::Departure;
use crate::desired::{Desired, node_desired};
use crate::eligible::Exclusion;
use crate::l2::{Layer2, Ranking};
use crate::names::{NodeName, PeerName, ServiceKey};
use crate::remedy::NEEDS_ENDPOINT;
use crate::reservation::ReservationStatus;
use crate::snapshot::Snapshot;
use crate::subject::{Subject, examine_all};
use crate::verdict::{Missing, NotOwner, PeerVerdict, Reason, Verdict};

/// Everything that would come of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each Service: what address it gets and who announces it.
    pub services: BTreeMap<ServiceKey, ServiceReport>,
    /// Each node asked for: what it would be doing once the addresses are assigned.
    pub nodes: BTreeMap<NodeName, Desired>,
    /// Each address with an L2Advertisement: who owns it, and who would in which order.
    pub addresses: BTreeMap<IpAddr, AddressReport>,
    /// How much of each pool would be in use.
    pub usage: BTreeMap<PoolName, Usage>,
    /// What each IPReservation would keep, for whom, and what is in the way.
    pub reservations: BTreeMap<ReservationName, ReservationStatus>,
}

/// What comes of one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReport {
    /// Its addresses and their pool, or why it has none; and the events that tell of it.
    pub allocation: Allocation,
    /// The node that answers for it by ARP and NDP, among those asked for.
    pub layer2: Option<NodeName>,
    /// The nodes, among those asked for, that advertise it to at least one peer.
    pub bgp: BTreeSet<NodeName>,
    /// What is wrong, where something is.
    pub trouble: Option<Trouble>,
}

/// What is wrong, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, as a sentence without a full stop.
    pub problem: String,
    /// The nearest change that would help, likewise.
    pub remedy: String,
}

/// Who owns an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressReport {
    /// The Services that have it.
    pub services: BTreeSet<ServiceKey>,
    /// The candidates in the order in which they would own it: the first does.
    pub ranking: Vec<RankedNode>,
    /// Why every other node would not.
    pub excluded: BTreeMap<NodeName, Exclusion>,
}

impl AddressReport {
    /// The owner, if there is one.
    #[must_use]
    pub fn owner(&self) -> Option<&NodeName> {
        self.ranking.first().map(|ranked| &ranked.node)
    }
}

/// A candidate for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankedNode {
    /// Its name.
    pub node: NodeName,
    /// The sum of the weights of `preferredNodeSelectors` that match it.
    pub preference: u32,
}

/// What would come of a snapshot: first the addresses, then what each of `nodes` would do with them.
#[must_use]
pub fn report<'a>(snapshot: &Snapshot, nodes: impl IntoIterator<Item = &'a NodeName>) -> Report {
    let plan = plan_allocation(snapshot);
    let mut assigned = snapshot.clone();
    plan.apply(&mut assigned);
    let services = examine_all(&assigned);
    let layer2 = Layer2::new(&assigned, &services);

    let mut report = Report {
        usage: plan.usage,
        reservations: plan.reservations,
        ..Report::default()
    };
    for node in nodes {
        let departure = Departure::settled(&assigned, node);
        let desired = node_desired(&assigned, node, departure, &services, &layer2);
        report.nodes.insert(node.clone(), desired);
    }
    let announceable = services.values().flatten();
    let mut by_seniority: Vec<_> = announceable
        .filter_map(|subject| subject.as_ref().ok())
        .collect();
    by_seniority.sort_by_key(|subject| (subject.service.created, subject.key));
    for subject in by_seniority {
        report.add_addresses(subject, &layer2);
    }
    for (key, allocation) in plan.services {
        let subject = services.get(&key).and_then(Option::as_ref);
        let subject = subject.and_then(|subject| subject.as_ref().ok());
        let service = report.service(&key, allocation, subject);
        report.services.insert(key, service);
    }
    report
}

impl Report {
    /// Adds what is to say of the addresses of a Service.
    pub(crate) fn add_addresses(&mut self, subject: &Subject<'_>, layer2: &Layer2) {
        let Some(Ranking { ranked, excluded }) = layer2.ranking(subject) else {
            return;
        };
        let ranking: Vec<_> = ranked
            .into_iter()
            .map(|(node, preference)| RankedNode { node, preference })
            .collect();
        for address in &subject.addresses {
            let entry = self.addresses.entry(*address).or_default();
            entry.services.insert(subject.key.clone());
            entry.ranking.clone_from(&ranking);
            // What excludes a node for one of several Services does not count where it is a candidate for all.
            let others = excluded
                .iter()
                .filter(|(node, _)| !ranking.iter().any(|ranked| ranked.node == **node));
            entry
                .excluded
                .extend(others.map(|(node, why)| (node.clone(), *why)));
        }
    }

    fn service(
        &self,
        key: &ServiceKey,
        allocation: Allocation,
        subject: Option<&Subject<'_>>,
    ) -> ServiceReport {
        let verdicts = || {
            self.nodes
                .iter()
                .filter_map(|(node, desired)| Some((node, desired.verdicts.get(key)?)))
        };
        let layer2 = verdicts().find(|(_, verdicts)| verdicts.layer2.announcement().is_some());
        let layer2 = layer2.map(|(node, _)| node.clone());
        let advertised = verdicts().filter(|(_, verdicts)| {
            let peers = verdicts
                .bgp
                .announcement()
                .map(|announcement| announcement.peers.values());
            peers
                .into_iter()
                .flatten()
                .any(|verdict| matches!(verdict, PeerVerdict::Advertised(_)))
        });
        let bgp: BTreeSet<NodeName> = advertised.map(|(node, _)| node.clone()).collect();
        let trouble = if let Some(refusal) = allocation.outcome.refusal() {
            Some(Trouble {
                problem: refusal.to_string(),
                remedy: refusal.remedy(),
            })
        } else if layer2.is_none() && bgp.is_empty() {
            subject.and_then(|subject| self.silence(subject))
        } else {
            None
        };
        ServiceReport {
            allocation,
            layer2,
            bgp,
            trouble,
        }
    }

    /// Why none of the nodes asked for announces a Service that has addresses; `None` if another node does.
    fn silence(&self, subject: &Subject<'_>) -> Option<Trouble> {
        if !subject.endpoints.any_usable() {
            let problem = format!(
                "nobody announces it: the Service has {}",
                subject.endpoints.total()
            );
            return Some(Trouble {
                problem,
                remedy: NEEDS_ENDPOINT.to_owned(),
            });
        }
        let mut complaints = Complaints::default();
        for (node, desired) in &self.nodes {
            let verdicts = desired.verdicts.get(subject.key)?;
            if let Some(Reason::NotOwner(NotOwner::Elected { .. })) = verdicts.layer2.reason() {
                return None;
            }
            for reason in [verdicts.layer2.reason(), verdicts.bgp.reason()]
                .into_iter()
                .flatten()
            {
                complaints.add(node, reason);
            }
            if let Verdict::Announced(announcement) = &verdicts.bgp {
                complaints.add_peers(node, &announcement.peers);
            }
        }
        Some(complaints.conclude(subject.pool))
    }
}

/// What stands in the way of a Service, and on which nodes.
#[derive(Default)]
struct Complaints<'a> {
    by_problem: BTreeMap<String, (Vec<&'a NodeName>, Option<String>)>,
}

impl<'a> Complaints<'a> {
    /// That a protocol is not used for the pool at all is no complaint: mostly only one of the two is.
    fn add(&mut self, node: &'a NodeName, reason: &Reason) {
        let unselected = match reason {
            Reason::NoMatchingAdvertisement(unselected)
            | Reason::NotOwner(NotOwner::NotAdvertisedHere(unselected)) => Some(unselected),
            _ => None,
        };
        let unused = unselected.is_some_and(|unselected| unselected.missing == Missing::Pool);
        if !unused {
            self.insert(node, reason.to_string(), reason.remedy());
        }
    }

    fn add_peers(&mut self, node: &'a NodeName, peers: &BTreeMap<PeerName, PeerVerdict>) {
        if peers.is_empty() {
            let remedy = "create a BGPPeer, or make nodeSelectors of one match the node".to_owned();
            self.insert(
                node,
                "no BGPPeer selects this node".to_owned(),
                Some(remedy),
            );
        }
        for (peer, verdict) in peers {
            self.insert(
                node,
                format!("BGPPeer {peer}: {verdict}"),
                verdict.remedy().map(str::to_owned),
            );
        }
    }

    fn insert(&mut self, node: &'a NodeName, problem: String, remedy: Option<String>) {
        self.by_problem
            .entry(problem)
            .or_insert_with(|| (Vec::new(), remedy))
            .0
            .push(node);
    }

    fn conclude(self, pool: &PoolName) -> Trouble {
        let problems = self.by_problem.iter().map(|(problem, (nodes, _))| {
            let nodes: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
            format!("{problem} ({})", nodes.join(", "))
        });
        let problems: Vec<String> = problems.collect();
        let mut remedies = self
            .by_problem
            .into_values()
            .filter_map(|(_, remedy)| remedy);
        let (problem, remedy) = if problems.is_empty() {
            (format!("no advertisement selects pool {pool}"), None)
        } else {
            (problems.join("; "), remedies.next())
        };
        let advertise = || {
            format!("create an L2Advertisement or a BGPAdvertisement with ipAddressPools: [{pool}]")
        };
        Trouble {
            problem: format!("nobody announces it: {problem}"),
            remedy: remedy.unwrap_or_else(advertise),
        }
    }
}
