//! The planner's report, put into the words and the shape that are printed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipam::ReservationName;
use k8s_adapter::translate::{ConfigError, ErrorEffect};
use planner::allocation::Outcome;
use planner::config::PeerAs;
use planner::desired::{Desired, InterfaceSelection, PeerDesired, PeerSession};
use planner::eligible::Exclusion;
use planner::names::{NodeName, PeerName, ServiceKey};
use planner::report::{self as planned, AddressReport, ServiceReport};
use planner::reservation::ReservationStatus;
use planner::service::Service as Spec;
use planner::snapshot::Snapshot;
use planner::verdict::{Missing, NotOwner, PeerVerdict, Reason, Unselected, Withholding};

use super::report::{
    Candidate, Excluded, Kind, Layer2, Node, NotAnnounced, Peer, Problem, Protocol, Report,
    Reservation, Route, Service, Severity,
};

/// Everything that comes of the snapshot; of the nodes' sessions and reasons only those of `node`, if one is named.
pub(crate) fn collect(snapshot: &Snapshot, errors: &[ConfigError], node: Option<&str>) -> Report {
    // The elections need all nodes, whichever is shown.
    let mut planned = planned::report(snapshot, snapshot.nodes.keys());
    let layer2 = planned
        .addresses
        .iter()
        .filter(|(_, entry)| is_advertised(entry));
    let layer2 = layer2
        .map(|(address, entry)| layer2_of(*address, entry, &planned))
        .collect();
    if let Some(node) = node {
        planned.nodes.retain(|name, _| name.as_str() == node);
    }
    let services = planned.services.iter().filter_map(|(key, service)| {
        let spec = snapshot.services.get(key)?;
        service_of(key, spec, service, &planned)
    });
    Report {
        version: Report::VERSION,
        problems: errors.iter().map(problem).collect(),
        services: services.collect(),
        reservations: planned
            .reservations
            .iter()
            .map(|(name, status)| reservation_of(name, status))
            .collect(),
        nodes: planned
            .nodes
            .iter()
            .map(|(node, desired)| node_of(node, desired))
            .collect(),
        layer2,
    }
}

fn problem(error: &ConfigError) -> Problem {
    let severity = if error.effect == ErrorEffect::Warning {
        Severity::Warning
    } else {
        Severity::Error
    };
    Problem {
        severity,
        file: error
            .origin
            .as_ref()
            .map(|origin| origin.file.display().to_string()),
        line: error.origin.as_ref().and_then(|origin| origin.line),
        object: error.object.as_ref().map(ToString::to_string),
        field: Some(error.field.clone()).filter(|field| !field.is_empty()),
        reason: error.reason.to_string(),
    }
}

/// `None` for a Service that is not ours to serve.
fn service_of(
    key: &ServiceKey,
    spec: &Spec,
    service: &ServiceReport,
    planned: &planned::Report,
) -> Option<Service> {
    let trouble = service.trouble.as_ref();
    let (addresses, pool, reason) = match &service.allocation.outcome {
        Outcome::NotLoadBalancer | Outcome::NotOurClass => return None,
        Outcome::Assigned { pool, addresses } => {
            let addresses: Vec<_> = addresses.iter().collect();
            let reason = match reservation_with(&addresses, planned) {
                Some(name) if !spec.addresses().eq(addresses.iter().copied()) => {
                    format!("kept for it by IPReservation {name}")
                }
                _ => why_these(spec, &addresses, pool.as_str()),
            };
            (addresses, Some(pool.to_string()), reason)
        }
        Outcome::Untouched => (
            spec.addresses().collect(),
            None,
            "left as it is: its ClusterIPs do not tell what it needs".to_owned(),
        ),
        Outcome::Refused(refusal) => (Vec::new(), None, refusal.to_string()),
    };
    let silent = trouble
        .filter(|_| !addresses.is_empty())
        .map(|trouble| trouble.problem.as_str());
    Some(Service {
        service: key.to_string(),
        addresses,
        pool,
        reason: match silent {
            Some(problem) => format!("{reason}; {problem}"),
            None => reason,
        },
        help: trouble.map(|trouble| trouble.remedy.clone()),
        bgp: service.bgp.iter().map(NodeName::to_string).collect(),
        layer2: service.layer2.as_ref().map(NodeName::to_string),
        not_announced: planned
            .nodes
            .iter()
            .flat_map(|(node, desired)| not_announced(key, node, desired))
            .collect(),
    })
}

/// The reservation that keeps one of the addresses.
fn reservation_with<'a>(
    addresses: &[IpAddr],
    planned: &'a planned::Report,
) -> Option<&'a ReservationName> {
    let mut reservations = planned.reservations.iter();
    let found = reservations.find(|(_, status)| {
        addresses
            .iter()
            .any(|address| status.addresses.contains(address))
    });
    found.map(|(name, _)| name)
}

fn reservation_of(name: &ReservationName, status: &ReservationStatus) -> Reservation {
    let services: BTreeSet<&ServiceKey> = status.users.iter().map(|(_, service)| service).collect();
    let condition = status.condition.as_ref();
    Reservation {
        reservation: name.to_string(),
        addresses: status.addresses.clone(),
        services: services.into_iter().map(ServiceKey::to_string).collect(),
        reason: condition.map_or_else(String::new, |condition| condition.message.clone()),
    }
}

/// Why a Service has, or would be given, these addresses.
fn why_these(spec: &Spec, addresses: &[IpAddr], pool: &str) -> String {
    if spec.addresses().eq(addresses.iter().copied()) {
        "it has them already".to_owned()
    } else if spec.wanted.is_some() {
        "asked for by metallb.io/loadBalancerIPs or spec.loadBalancerIP".to_owned()
    } else if spec.wanted_pool.is_some() {
        format!("first free of pool {pool}, which metallb.io/address-pool names")
    } else {
        format!("first free of pool {pool}")
    }
}

/// Why the node does not announce the Service, where that is not just how things are meant to be.
fn not_announced(key: &ServiceKey, node: &NodeName, desired: &Desired) -> Vec<NotAnnounced> {
    let Some(verdicts) = desired.verdicts.get(key) else {
        return Vec::new();
    };
    let entry =
        |protocol, peer: Option<&PeerName>, reason: &str, explanation: String| NotAnnounced {
            node: node.to_string(),
            protocol,
            peer: peer.map(PeerName::to_string),
            reason: reason.to_owned(),
            explanation,
        };
    let withheld = [
        (Protocol::Bgp, verdicts.bgp.reason()),
        (Protocol::Layer2, verdicts.layer2.reason()),
    ];
    let withheld = withheld
        .into_iter()
        .filter_map(|(protocol, reason)| Some((protocol, reason?)));
    let withheld = withheld.filter(|(_, reason)| is_telling(reason));
    let withheld =
        withheld.map(|(protocol, reason)| entry(protocol, None, reason.code(), reason.to_string()));
    let peers = verdicts
        .bgp
        .announcement()
        .map(|announcement| announcement.peers.iter())
        .into_iter()
        .flatten();
    let untold = peers.filter_map(|(peer, verdict)| {
        let code = match verdict {
            PeerVerdict::FamilyNotCarried(_) => "familyNotCarried",
            PeerVerdict::Withheld(Withholding::NotAdvertised(_)) => "notAdvertisedByPolicy",
            PeerVerdict::Withheld(Withholding::NextHopIsPeer(_)) => "nextHopIsPeer",
            PeerVerdict::Advertised(_) | PeerVerdict::NotNamed => return None,
        };
        Some(entry(Protocol::Bgp, Some(peer), code, verdict.to_string()))
    });
    withheld.chain(untold).collect()
}

/// That another node won the election is in the ranking, that a Service has no address is said with the Service, and a
/// protocol that is not used for a pool is mostly not meant to be.
fn is_telling(reason: &Reason) -> bool {
    match reason {
        Reason::NoIpAllocated | Reason::NotOwner(NotOwner::Elected { .. }) => false,
        Reason::NoMatchingAdvertisement(Unselected { missing, .. })
        | Reason::NotOwner(NotOwner::NotAdvertisedHere(Unselected { missing, .. })) => {
            *missing != Missing::Pool
        }
        _ => true,
    }
}

fn node_of(node: &NodeName, desired: &Desired) -> Node {
    let peers = desired
        .peers
        .iter()
        .map(|(peer, wanted)| peer_of(peer, wanted));
    Node {
        node: node.to_string(),
        peers: peers.collect(),
    }
}

fn peer_of(peer: &PeerName, wanted: &PeerDesired) -> Peer {
    let session = &wanted.session;
    Peer {
        peer: peer.to_string(),
        address: session.address,
        port: session.port,
        local_as: session.local_as.0,
        peer_as: match session.peer_as {
            PeerAs::Asn(asn) => asn.to_string(),
            PeerAs::Internal => "internal".to_owned(),
            PeerAs::External => "external".to_owned(),
        },
        kind: if session.is_internal() {
            Kind::Ibgp
        } else {
            Kind::Ebgp
        },
        routes: wanted
            .routes
            .iter()
            .map(|(prefix, route)| route_of(session, *prefix, route))
            .collect(),
    }
}

/// The route with what the session adds to it (RFC 4271 §5.1).
fn route_of(session: &PeerSession, prefix: ipnet::IpNet, route: &planner::desired::Route) -> Route {
    let internal = session.is_internal();
    let attributes = &route.attributes;
    let times = if internal {
        0
    } else {
        1 + usize::from(attributes.as_path_prepend)
    };
    Route {
        prefix,
        next_hop: attributes
            .next_hop
            .map_or_else(|| SELF.to_owned(), |address| address.to_string()),
        as_path: vec![session.local_as.0; times],
        origin: "igp".to_owned(),
        local_pref: internal.then(|| attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF)),
        med: attributes.med,
        communities: attributes
            .communities
            .iter()
            .map(ToString::to_string)
            .collect(),
        large_communities: attributes
            .large_communities
            .iter()
            .map(ToString::to_string)
            .collect(),
        services: route.services.iter().map(ServiceKey::to_string).collect(),
    }
}

/// Whether some L2Advertisement selects the address: mostly those for BGP are meant for that alone.
fn is_advertised(entry: &AddressReport) -> bool {
    !entry.ranking.is_empty()
        || entry
            .excluded
            .values()
            .any(|exclusion| *exclusion != Exclusion::NotAdvertised)
}

fn layer2_of(address: IpAddr, entry: &AddressReport, planned: &planned::Report) -> Layer2 {
    let owner = entry.owner();
    let desired = owner.and_then(|owner| planned.nodes.get(owner)?.addresses.get(&address));
    let selection = desired.map(|desired| &desired.interfaces);
    let ranking = entry.ranking.iter();
    let excluded = entry.excluded.iter();
    Layer2 {
        address,
        services: entry.services.iter().map(ServiceKey::to_string).collect(),
        owner: owner.map(NodeName::to_string),
        interfaces: match selection {
            Some(InterfaceSelection::Named(named)) => {
                Some(named.iter().map(ToString::to_string).collect())
            }
            Some(InterfaceSelection::All) | None => None,
        },
        ranking: ranking
            .map(|ranked| Candidate {
                node: ranked.node.to_string(),
                preference: ranked.preference,
            })
            .collect(),
        excluded: excluded
            .map(|(node, exclusion)| Excluded {
                node: node.to_string(),
                explanation: exclusion.to_string(),
            })
            .collect(),
    }
}

/// The next hop of every route: the node's own address on the session.
const SELF: &str = "self";
/// RFC 4271 §5.1.5 leaves it to the speaker; this is what the session sends where nothing is given.
const DEFAULT_LOCAL_PREF: u32 = 100;
