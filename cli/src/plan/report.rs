//! What `ferrolb plan` found, as data.
//!
//! The field names and the order of the members are the JSON that `-o json` prints; they are
//! documented in this crate's README and change only with the version in [`Report::version`].
//! The two renderings, table and JSON, see nothing but this.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

/// The whole plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Version of this shape; a member may be added without a new one, never renamed or removed.
    pub(crate) version: u32,
    /// What is wrong with the objects, in the order of the files.
    pub(crate) problems: Vec<Problem>,
    /// Every Service of type LoadBalancer that is ours, by namespace and name.
    pub(crate) services: Vec<Service>,
    /// Every IPReservation in force, by name.
    pub(crate) reservations: Vec<Reservation>,
    /// Every node, or the one asked for, by name.
    pub(crate) nodes: Vec<Node>,
    /// Every address that an L2Advertisement selects, in address order.
    pub(crate) layer2: Vec<Layer2>,
}

impl Report {
    /// The version that [`Self::version`] carries.
    pub(crate) const VERSION: u32 = 1;

    /// Whether an object is in error; a warning is not one.
    pub(crate) fn has_errors(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The object, or the file, is not in force.
    Error,
    /// The object is in force, but not all of it has an effect.
    Warning,
}

/// Something that the user should mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    /// The file, relative to the folder that was given; absent when the object has none.
    pub(crate) file: Option<String>,
    /// The line in the file, from 1, where known.
    pub(crate) line: Option<u64>,
    /// `Kind namespace/name`; absent when the file could not be read as objects.
    pub(crate) object: Option<String>,
    /// Path of the field within the object, as `kubectl explain` writes it.
    pub(crate) field: Option<String>,
    pub(crate) reason: String,
}

/// One Service: its addresses, and who announces them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Service {
    /// `namespace/name`.
    pub(crate) service: String,
    /// The addresses that it has, or would be given by the controller.
    pub(crate) addresses: Vec<IpAddr>,
    /// The pool that they are from.
    pub(crate) pool: Option<String>,
    /// Why these addresses, or why none.
    pub(crate) reason: String,
    /// What would help, when it has no address or nobody announces it.
    pub(crate) help: Option<String>,
    /// Nodes that announce it over BGP.
    pub(crate) bgp: Vec<String>,
    /// The node that answers for it by ARP and NDP.
    pub(crate) layer2: Option<String>,
    /// Why not, for each protocol and node that does not.
    pub(crate) not_announced: Vec<NotAnnounced>,
}

/// One IPReservation: its addresses, and who has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reservation {
    /// Its name.
    pub(crate) reservation: String,
    /// The addresses that it keeps.
    pub(crate) addresses: Vec<IpAddr>,
    /// The Services that have one of them.
    pub(crate) services: Vec<String>,
    /// For whom they are kept, or what is in the way and what would help.
    pub(crate) reason: String,
}

/// Why a node does not announce a Service over a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NotAnnounced {
    pub(crate) node: String,
    pub(crate) protocol: Protocol,
    /// The BGPPeer that is not told, where the others are.
    pub(crate) peer: Option<String>,
    /// The reason's name, as in MetalLB's logs.
    pub(crate) reason: String,
    /// The reason in words.
    pub(crate) explanation: String,
}

/// How an address is announced, in the words of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Bgp,
    Layer2,
}

/// One node's BGP sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Node {
    pub(crate) node: String,
    pub(crate) peers: Vec<Peer>,
}

/// One BGP session and what goes over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Peer {
    /// The BGPPeer's name.
    pub(crate) peer: String,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// The AS number that this session's OPEN carries.
    pub(crate) local_as: u32,
    /// The router's AS number, or `internal` or `external` where the router decides.
    pub(crate) peer_as: String,
    pub(crate) kind: Kind,
    pub(crate) routes: Vec<Route>,
}

/// Whether a session crosses the border of an AS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Ebgp,
    Ibgp,
}

/// A route as the router will see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Route {
    pub(crate) prefix: IpNet,
    /// An address, or `self`: the address of the node's end of the session.
    pub(crate) next_hop: String,
    /// As it arrives at the router.
    pub(crate) as_path: Vec<u32>,
    pub(crate) origin: String,
    /// Absent on an external session (RFC 4271 §5.1.5).
    pub(crate) local_pref: Option<u32>,
    /// MULTI_EXIT_DISC; absent where no BGPPolicy sets it.
    pub(crate) med: Option<u32>,
    pub(crate) communities: Vec<String>,
    pub(crate) large_communities: Vec<String>,
    /// The Services that it is for.
    pub(crate) services: Vec<String>,
}

/// An address that is announced by ARP or NDP, and the election for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Layer2 {
    pub(crate) address: IpAddr,
    pub(crate) services: Vec<String>,
    /// The node that answers.
    pub(crate) owner: Option<String>,
    /// The interfaces that it answers on; absent means all that are usable.
    pub(crate) interfaces: Option<Vec<String>>,
    /// The candidates, best first.
    pub(crate) ranking: Vec<Candidate>,
    /// The nodes that are not candidates.
    pub(crate) excluded: Vec<Excluded>,
}

/// A node in the ranking for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Candidate {
    pub(crate) node: String,
    /// Sum of the weights of the `preferredNodeSelectors` that match the node.
    pub(crate) preference: u32,
}

/// A node that cannot own an address, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Excluded {
    pub(crate) node: String,
    /// Why, in words.
    pub(crate) explanation: String,
}
