//! What one node shall be doing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::{Asn, Community, HoldTime, LargeCommunity, RouterId};
use imbl::OrdMap;
use ipnet::IpNet;

use crate::announcements::Outlook;
use crate::config::{Establishment, Multihop, Password, Peer, PeerAs};
use crate::departure::Departure;
use crate::family::Families;
use crate::l2::Layer2;
use crate::names::{Interface, NodeName, PeerName, ServiceKey};
use crate::service_set::ServiceSet;
use crate::snapshot::{BgpDefaults, Snapshot};
use crate::subject::{Examined, examine_all};
use crate::verdict::Verdicts;

/// What one node shall be doing.
///
/// The large maps are persistent: a clone shares all of them, and [`diff_shared`](crate::diff::diff_shared) passes over
/// what two share, so that finding what has changed costs what has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// The BGP sessions to hold, and what to advertise on each.
    pub peers: BTreeMap<PeerName, PeerDesired>,
    /// The addresses to answer for by ARP and NDP, on which interfaces and on what terms.
    pub addresses: OrdMap<IpAddr, AddressDesired>,
    /// For each Service, whether this node announces it, and if not, why.
    pub verdicts: OrdMap<ServiceKey, Verdicts>,
}

/// One BGP session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerDesired {
    /// How to hold it. Only a change of this calls for a new session.
    pub session: PeerSession,
    /// What to advertise on it, whether it is up or not.
    pub routes: OrdMap<IpNet, Route>,
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
    /// Who opens the connection.
    pub establishment: Establishment,
}

impl PeerSession {
    /// Settles what the peer leaves open.
    pub(crate) fn new(peer: &Peer, defaults: BgpDefaults) -> Self {
        let native = defaults == BgpDefaults::Native;
        let hold_time = if native {
            HoldTime::DEFAULT
        } else {
            FRR_HOLD_TIME
        };
        let mut session = Self {
            local_as: peer.local_as.unwrap_or(peer.my_as),
            peer_as: peer.peer_as,
            address: peer.address,
            port: peer.port,
            source: peer.source,
            router_id: peer.router_id,
            hold_time: peer.timers.hold_time(hold_time),
            keepalive_time: peer.timers.keepalive_time(hold_time),
            connect_time: peer.timers.connect_time(),
            families: if native {
                Families::Both
            } else {
                peer.carried()
            },
            ttl: Ttl::System,
            password: peer.password.clone(),
            establishment: peer.establishment,
        };
        if !session.is_internal() {
            session.ttl = match peer.multihop {
                Multihop::On => Ttl::MultiHop,
                Multihop::Off if native => Ttl::System,
                Multihop::Off => Ttl::SingleHop,
            };
        }
        session
    }

    /// LOCAL_PREF as sent on this session for a `localPref` as given: never to an external peer (RFC 4271 §5.1.5).
    pub(crate) fn local_pref(&self, given: u32, defaults: BgpDefaults) -> Option<u32> {
        let sent = self.is_internal() && (given != 0 || defaults == BgpDefaults::Native);
        sent.then_some(given)
    }

    /// Whether the peer is in our own AS.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.peer_as.is_internal(self.local_as)
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
    pub services: ServiceSet,
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
    /// How many times more than usual the local AS is in AS_PATH, towards external peers only.
    pub as_path_prepend: u8,
    /// MULTI_EXIT_DISC (RFC 4271 §5.1.4).
    pub med: Option<u32>,
    /// The next hop, of the route's own family; absent: the node's address on the link of the session.
    pub next_hop: Option<IpAddr>,
}

impl RouteAttributes {
    /// Whether one route cannot have both: they differ in more than communities, of which there can be many.
    #[must_use]
    pub fn contradict(&self, other: &Self) -> bool {
        let single = |attributes: &Self| {
            (
                attributes.local_pref,
                attributes.as_path_prepend,
                attributes.med,
                attributes.next_hop,
            )
        };
        single(self) != single(other)
    }
}

impl RouteAttributes {
    /// Says that the route will go (RFC 8326 §4.1): routers of other ASes hear it from the community alone, those of our
    /// own prefer any other route at once.
    pub(crate) fn announce_departure(&mut self, session: &PeerSession) {
        self.communities.insert(Community::GRACEFUL_SHUTDOWN);
        if session.is_internal() {
            self.local_pref = Some(0);
        }
    }
}

/// How an address is answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressDesired {
    /// The interfaces to answer on.
    pub interfaces: InterfaceSelection,
    /// On what terms.
    pub tenure: Tenure,
}

/// On what terms a node answers for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// It owns it.
    Owner,
    /// It owns it, and takes it over only where no other node answers for it: who has it keeps it
    /// ([`L2_FAILBACK`](crate::config::L2_FAILBACK)).
    OwnerIfFree,
    /// It has it, and keeps it though another node would own it, by the same setting. That one may have it as well, where
    /// the two could not hear each other when it took it.
    Kept,
    /// It has it still, and another node owns it: it answers until that one is heard to claim it. An address that nobody
    /// owns is not answered for any more.
    Leaving,
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
/// Every node computes this for itself; nodes with equal snapshots agree on who announces what. A node that is told to
/// drain counts as having left: see [`Departure::settled`].
#[must_use]
pub fn desired_state(snapshot: &Snapshot, me: &NodeName) -> Desired {
    departing_state(snapshot, me, Departure::settled(snapshot, me))
}

/// [`desired_state`] of a node that has got so far with leaving.
#[must_use]
pub fn departing_state(snapshot: &Snapshot, me: &NodeName, departure: Departure) -> Desired {
    let services = examine_all(snapshot);
    let layer2 = Layer2::new(snapshot, &services);
    node_desired(snapshot, me, departure, &services, &layer2)
}

/// [`departing_state`] of one of several nodes, for which everything that is the same for all has been done.
pub(crate) fn node_desired(
    snapshot: &Snapshot,
    me: &NodeName,
    departure: Departure,
    services: &Examined<'_>,
    layer2: &Layer2,
) -> Desired {
    let mut outlook = Outlook::new(me.clone());
    outlook.set_departure(departure);
    outlook.look_around(snapshot, services, layer2);
    outlook.into_desired()
}

/// FRR's default hold time.
const FRR_HOLD_TIME: HoldTime = match HoldTime::from_secs(180) {
    Ok(time) => time,
    Err(_) => HoldTime::DEFAULT,
};
