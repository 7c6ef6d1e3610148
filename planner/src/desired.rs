//! What one node shall be doing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::{Asn, Community, HoldTime, LargeCommunity, RouterId};
use ipnet::IpNet;

use crate::config::{Password, PeerAs};
use crate::family::Families;
use crate::names::{Interface, NodeName, PeerName, ServiceKey};
use crate::snapshot::Snapshot;
use crate::verdict::Verdicts;

/// What one node shall be doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// The BGP sessions to hold, and what to advertise on each.
    pub peers: BTreeMap<PeerName, PeerDesired>,
    /// The addresses to answer for by ARP and NDP, and on which interfaces.
    pub addresses: BTreeMap<IpAddr, InterfaceSelection>,
    /// For each Service of our class, whether this node announces it, and if not, why.
    pub verdicts: BTreeMap<ServiceKey, Verdicts>,
}

/// One BGP session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerDesired {
    /// How to hold it. Only a change of this calls for a new session.
    pub session: PeerSession,
    /// What to advertise on it, whether it is up or not.
    pub routes: BTreeMap<IpNet, Route>,
}

/// A BGPPeer with every default settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSession {
    /// The AS number that we open with and prepend towards external peers.
    pub local_as: Asn,
    /// The AS that the peer must be in.
    pub peer_as: PeerAs,
    /// Where to connect to.
    pub address: IpAddr,
    /// Port to connect to.
    pub port: u16,
    /// Address to connect from; absent: what the routes say.
    pub source: Option<IpAddr>,
    /// BGP Identifier; absent: the node chooses one.
    pub router_id: Option<RouterId>,
    /// Hold time to propose.
    pub hold_time: HoldTime,
    /// Keepalive time for that hold time; `None` where it says that there are no keepalives.
    pub keepalive_time: Option<Duration>,
    /// Time between attempts to connect; absent: the engine's.
    pub connect_time: Option<Duration>,
    /// The families in the OPEN.
    pub families: Families,
    /// How far away the peer may be.
    pub ttl: Ttl,
    /// Key of TCP MD5.
    pub password: Option<Password>,
}

impl PeerSession {
    /// Whether the peer is in our own AS.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        match self.peer_as {
            PeerAs::Asn(peer_as) => peer_as == self.local_as,
            PeerAs::Internal => true,
            PeerAs::External => false,
        }
    }
}

/// TTL (hop limit) of what we send on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// What the system gives to any connection.
    System,
    /// 1: the peer is on a link of the node.
    SingleHop,
    /// 255: as far as it takes.
    MultiHop,
}

/// A prefix to advertise to one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its attributes. Routes of equal attributes mostly share them.
    pub attributes: Arc<RouteAttributes>,
    /// The Services with an address in the prefix: it is withdrawn when the last one goes.
    pub services: BTreeSet<ServiceKey>,
}

/// The attributes that configuration gives to a route; all others follow from the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteAttributes {
    /// LOCAL_PREF, towards internal peers only; absent there: what RFC 4271 §5.1.5 calls the local degree of
    /// preference, 100.
    pub local_pref: Option<u32>,
    /// COMMUNITIES (RFC 1997).
    pub communities: BTreeSet<Community>,
    /// LARGE_COMMUNITY (RFC 8092).
    pub large_communities: BTreeSet<LargeCommunity>,
}

/// On which interfaces an address is answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSelection {
    /// All that layer 2 uses.
    All,
    /// Those named, as far as they exist.
    Named(BTreeSet<Interface>),
}

impl InterfaceSelection {
    /// Whether `interface` is among them.
    #[must_use]
    pub fn selects(&self, interface: &Interface) -> bool {
        match self {
            Self::All => true,
            Self::Named(named) => named.contains(interface),
        }
    }

    /// The interfaces of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(mut one), Self::Named(other)) => {
                one.extend(other);
                Self::Named(one)
            }
            _ => Self::All,
        }
    }
}

/// What node `me` shall be doing, given everything that is known.
///
/// Every node computes this for itself; nodes with equal snapshots agree on who announces what.
#[must_use]
pub fn desired_state(snapshot: &Snapshot, me: &NodeName) -> Desired {
    let _ = (snapshot, me);
    Desired::default()
}
