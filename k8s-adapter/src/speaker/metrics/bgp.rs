//! Metrics of BGP and BFD.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use bgp_fsm::Stats;
use bgp_fsm::driver::Status;
use ipnet::IpNet;
use planner::names::PeerName;
use planner::observed::{SessionObserved, SessionState};

use super::family::{Families, Kind};
use crate::speaker::board::Board;
use crate::speaker::report::Facts;

/// Under which names the metrics of BGP and BFD are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::speaker) enum Names {
    /// Those of MetalLB.
    Metallb,
    /// Those of its FRR-K8s mode too.
    FrrK8sToo,
}

pub(super) fn encode(
    families: &mut Families<'_>,
    facts: &Facts,
    sessions: &Board<PeerName, Status>,
    names: Names,
) -> Result<(), fmt::Error> {
    let peers = peers(facts, sessions);
    families_of(
        families,
        "metallb",
        &by_label(&peers, |peer| peer.to_string()),
    )?;
    if names == Names::FrrK8sToo {
        let by_address = by_label(&peers, |peer| peer.ip().to_string());
        families_of(families, "frrk8s", &by_address)?;
        let help = "Prefixes of the peer that are in use";
        let name = "frrk8s_bgp_received_prefixes_total";
        let mut family = families.family(name, help, Kind::Gauge)?;
        for (peer, samples) in &by_address {
            let received = samples.iter().map(|sample| sample.received).sum();
            family.sample(&labels(peer), received)?;
        }
    }
    Ok(())
}

/// One peer of this node.
#[derive(Clone, Copy, Default)]
struct Sample {
    sessions: u64,
    established: u64,
    announced: u64,
    pending: u64,
    received: u64,
    stats: Stats,
}

/// The peers that this node is to have, whether their sessions run or not.
fn peers(
    facts: &Facts,
    sessions: &Board<PeerName, Status>,
) -> BTreeMap<PeerName, (SocketAddr, Sample)> {
    let mut peers = BTreeMap::new();
    for (name, peer) in &facts.desired.peers {
        let session = facts.observed.sessions.get(name);
        let is_sent = |prefix: &IpNet| session.is_some_and(|session| session.sent.contains(prefix));
        let is_up = |session: &SessionObserved| session.state == SessionState::Established;
        let pending = peer.routes.keys().filter(|prefix| !is_sent(prefix)).count();
        let sample = Sample {
            sessions: 1,
            established: u64::from(session.is_some_and(is_up)),
            announced: count(session.map_or(0, |session| session.sent.len())),
            pending: count(pending),
            received: session.map_or(0, |session| session.accepted),
            ..Sample::default()
        };
        let address = SocketAddr::new(peer.session.address, peer.session.port);
        peers.insert(name.clone(), (address, sample));
    }
    sessions.each(|name, status| {
        if let Some((_, sample)) = peers.get_mut(name) {
            sample.stats = status.stats;
        }
    });
    peers
}

/// Peers that differ in nothing but their source address have one label, and are counted together.
fn by_label(
    peers: &BTreeMap<PeerName, (SocketAddr, Sample)>,
    label: impl Fn(SocketAddr) -> String,
) -> BTreeMap<String, Vec<Sample>> {
    let mut labelled: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (address, sample) in peers.values() {
        labelled.entry(label(*address)).or_default().push(*sample);
    }
    labelled
}

fn families_of(
    families: &mut Families<'_>,
    prefix: &str,
    peers: &BTreeMap<String, Vec<Sample>>,
) -> Result<(), fmt::Error> {
    let name = format!("{prefix}_bgp_session_up");
    let mut family = families.family(&name, "1 while the session is Established", Kind::Gauge)?;
    for (peer, samples) in peers {
        let all = samples
            .iter()
            .all(|sample| sample.established == sample.sessions);
        family.sample(&labels(peer), u64::from(all))?;
    }
    for (name, help, kind, value) in BGP {
        let name = format!("{prefix}_bgp_{name}");
        let mut family = families.family(&name, help, kind)?;
        for (peer, samples) in peers {
            family.sample(&labels(peer), samples.iter().map(value).sum())?;
        }
    }
    for (name, help, kind) in BFD {
        let name = format!("{prefix}_bfd_{name}");
        let help = format!("{help} (none yet: BFD is not supported)");
        families.family(&name, &help, kind)?;
    }
    Ok(())
}

/// A peer, in the VRF of the machine itself.
fn labels(peer: &str) -> [(&str, &str); 2] {
    [("peer", peer), ("vrf", "")]
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

type Bgp = (&'static str, &'static str, Kind, fn(&Sample) -> u64);

static BGP: [Bgp; 12] = [
    (
        "announced_prefixes_total",
        "Prefixes that the peer has been sent",
        Kind::Gauge,
        |peer| peer.announced,
    ),
    (
        "pending_prefixes_total",
        "Prefixes that the peer is to be sent and has not been",
        Kind::Gauge,
        |peer| peer.pending,
    ),
    ("updates_total", "UPDATEs sent", Kind::Counter, |peer| {
        peer.stats.sent.update
    }),
    (
        "updates_total_received",
        "UPDATEs received",
        Kind::Counter,
        |peer| peer.stats.received.update,
    ),
    ("opens_sent", "OPENs sent", Kind::Counter, |peer| {
        peer.stats.sent.open
    }),
    ("opens_received", "OPENs received", Kind::Counter, |peer| {
        peer.stats.received.open
    }),
    (
        "notifications_sent",
        "NOTIFICATIONs sent",
        Kind::Counter,
        |peer| peer.stats.sent.notification,
    ),
    (
        "keepalives_sent",
        "KEEPALIVEs sent",
        Kind::Counter,
        |peer| peer.stats.sent.keepalive,
    ),
    (
        "keepalives_received",
        "KEEPALIVEs received",
        Kind::Counter,
        |peer| peer.stats.received.keepalive,
    ),
    (
        "route_refresh_sent",
        "ROUTE-REFRESHes sent",
        Kind::Counter,
        |peer| peer.stats.sent.route_refresh,
    ),
    ("total_sent", "Messages sent", Kind::Counter, |peer| {
        peer.stats.sent.total()
    }),
    (
        "total_received",
        "Messages received",
        Kind::Counter,
        |peer| peer.stats.received.total(),
    ),
];

static BFD: [(&str, &str, Kind); 8] = [
    ("session_up", "1 while the BFD session is up", Kind::Gauge),
    (
        "control_packet_input",
        "Control packets received",
        Kind::Counter,
    ),
    (
        "control_packet_output",
        "Control packets sent",
        Kind::Counter,
    ),
    ("echo_packet_input", "Echo packets received", Kind::Counter),
    ("echo_packet_output", "Echo packets sent", Kind::Counter),
    (
        "session_up_events",
        "How often a session came up",
        Kind::Counter,
    ),
    (
        "session_down_events",
        "How often a session went down",
        Kind::Counter,
    ),
    (
        "zebra_notifications",
        "Kept for dashboards, as there is no zebra here",
        Kind::Counter,
    ),
];
