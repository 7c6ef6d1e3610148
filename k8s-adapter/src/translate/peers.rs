//! BGPPeer (compat/metallb.md 1.2).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::{Asn, RouterId};
use k8s_openapi::api::core::v1::Secret;
use planner::config::{Establishment, Multihop, Peer, PeerAs, Timers, TimersError};
use planner::names::{NodeName, PeerName};
use planner::node::Node;

use super::annotations::PASSIVE;
use super::error::{Kind, ObjectName, ObjectRef, Reason};
use super::last_good::Faults;
use super::objects::{ClusterObjects, Objects};
use super::secrets;
use super::selectors::selectors;
use crate::crd::bgp_peer::{BGP_PORT, Password};
use crate::crd::{BFDProfile, BGPPeer, BGPPeerSpec, DynamicAsn, SecretReference};

/// How `v1beta1` says that nothing is said of the port. It is stored like this where nobody converts the object
/// (compat/metallb.md 12 #11).
const PORT_OF_OLD: u16 = 0;
/// The ports that the schema allows.
const PORTS: std::ops::RangeInclusive<u16> = 1..=16384;

/// Reads a BGPPeer.
pub(super) fn translate(
    name: &ObjectName,
    object: &BGPPeer,
    others: &ClusterObjects,
    faults: &mut Faults,
) -> Option<Peer> {
    let spec = &object.spec;
    report_unsupported(spec, faults);
    check_profile(name, spec, &others.bfd_profiles, faults);
    if spec.disable_mp {
        faults.warn("spec.disableMP", Reason::WithoutEffect);
    }
    if spec.my_asn == 0 {
        faults.reject("spec.myASN", Reason::Invalid("must not be 0".to_owned()));
    }
    if spec.local_asn == Some(0) {
        faults.reject("spec.localASN", Reason::Invalid("must not be 0".to_owned()));
    }
    let port = if spec.peer_port == PORT_OF_OLD {
        BGP_PORT
    } else {
        spec.peer_port
    };
    if !PORTS.contains(&port) {
        faults.reject(
            "spec.peerPort",
            Reason::Invalid("must be from 1 to 16384".to_owned()),
        );
    }
    let peer_as = peer_as(spec, faults);
    if spec.ebgp_multi_hop && peer_as == Some(PeerAs::Asn(Asn(spec.my_asn))) {
        let detail = "only a peer in another AS can be several hops away: peerASN is myASN";
        faults.reject("spec.ebgpMultiHop", Reason::Invalid(detail.to_owned()));
    }
    let router_id = spec.router_id.as_deref().filter(|text| !text.is_empty());
    let router_id =
        router_id.and_then(|text| faults.check("spec.routerID", text.parse::<RouterId>()));
    let timers = timers(spec, faults);
    let nodes = selectors(faults, "spec.nodeSelectors", &spec.node_selectors);
    let password = password(name, spec, &others.secrets, faults);
    let address = peer_address(spec, faults);
    let source = spec
        .source_address
        .as_deref()
        .filter(|text| !text.is_empty());
    let source = source.and_then(|text| ip(faults, "spec.sourceAddress", text));
    if let (Some(source), Some(address)) = (source, address)
        && source.is_ipv4() != address.is_ipv4()
    {
        let detail = format!("{source} is not of the family of peerAddress {address}");
        faults.reject("spec.sourceAddress", Reason::Invalid(detail));
    }
    Some(Peer {
        my_as: Asn(spec.my_asn),
        local_as: spec.local_asn.map(Asn),
        peer_as: peer_as?,
        address: address?,
        port,
        source,
        router_id,
        timers: timers?,
        nodes,
        password,
        multihop: if spec.ebgp_multi_hop {
            Multihop::On
        } else {
            Multihop::Off
        },
        dual_stack: spec.dual_stack_address_family,
        establishment: establishment(object, faults),
    })
}

/// What waits for its engine. Without BFD and graceful restart a session is as good as any other; a peer on an interface
/// or in a VRF cannot be reached without what is missing.
fn report_unsupported(spec: &BGPPeerSpec, faults: &mut Faults) {
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    for (path, field, is_set) in [
        ("spec.interface", "interface", is_set(&spec.interface)),
        ("spec.vrf", "vrf", is_set(&spec.vrf)),
    ] {
        if is_set {
            faults.reject(path, Reason::NotSupportedYet { field });
        }
    }
    for (path, field, is_set) in [
        ("spec.bfdProfile", "bfdProfile", is_set(&spec.bfd_profile)),
        (
            "spec.enableGracefulRestart",
            "enableGracefulRestart",
            spec.enable_graceful_restart,
        ),
    ] {
        if is_set {
            faults.warn(path, Reason::NotSupportedYet { field });
        }
    }
}

/// A BFDProfile that is named has to be there.
fn check_profile(
    name: &ObjectName,
    spec: &BGPPeerSpec,
    profiles: &Objects<BFDProfile>,
    faults: &mut Faults,
) {
    let profile = spec.bfd_profile.as_deref().filter(|name| !name.is_empty());
    let profile = profile.map(|profile| ObjectName::new(Arc::clone(&name.namespace), profile));
    if let Some(missing) = profile.filter(|profile| profiles.get(profile).is_none()) {
        faults.reject(
            "spec.bfdProfile",
            Reason::NotFound(format!("BFDProfile {missing}")),
        );
    }
}

/// The annotation [`PASSIVE`].
fn establishment(object: &BGPPeer, faults: &mut Faults) -> Establishment {
    let annotations = object.metadata.annotations.as_ref();
    match annotations
        .and_then(|annotations| annotations.get(PASSIVE))
        .map(String::as_str)
    {
        None | Some("false") => Establishment::Active,
        Some("true") => Establishment::Passive,
        Some(other) => {
            let detail = format!("{PASSIVE} is {other:?}, not \"true\" or \"false\"");
            faults.reject("metadata.annotations", Reason::Invalid(detail));
            Establishment::Active
        }
    }
}

/// Exactly one of `peerASN` and `dynamicASN`; 0 counts as absent.
fn peer_as(spec: &BGPPeerSpec, faults: &mut Faults) -> Option<PeerAs> {
    match (spec.peer_asn.filter(|asn| *asn != 0), spec.dynamic_asn) {
        (Some(asn), None) => Some(PeerAs::Asn(Asn(asn))),
        (None, Some(DynamicAsn::Internal)) => Some(PeerAs::Internal),
        (None, Some(DynamicAsn::External)) => Some(PeerAs::External),
        (Some(_), Some(_)) => {
            faults.reject("spec.dynamicASN", Reason::Exclusive { other: "peerASN" });
            None
        }
        (None, None) => {
            faults.reject(
                "spec.peerASN",
                Reason::OneOf {
                    other: "dynamicASN",
                },
            );
            None
        }
    }
}

/// Exactly one of `peerAddress` and `interface`, the latter refused elsewhere.
fn peer_address(spec: &BGPPeerSpec, faults: &mut Faults) -> Option<IpAddr> {
    let is_set = |text: &&str| !text.is_empty();
    match (
        spec.peer_address.as_deref().filter(is_set),
        spec.interface.as_deref().filter(is_set),
    ) {
        (Some(text), None) => ip(faults, "spec.peerAddress", text),
        (Some(_), Some(_)) => {
            faults.reject(
                "spec.interface",
                Reason::Exclusive {
                    other: "peerAddress",
                },
            );
            None
        }
        (None, Some(_)) => None,
        (None, None) => {
            faults.reject("spec.peerAddress", Reason::OneOf { other: "interface" });
            None
        }
    }
}

fn ip(faults: &mut Faults, field: &str, text: &str) -> Option<IpAddr> {
    let parsed = text
        .parse::<IpAddr>()
        .map_err(|_| format!("{text:?} is not an IP address"));
    faults
        .check(field, parsed)
        .map(|address| address.to_canonical())
}

fn timers(spec: &BGPPeerSpec, faults: &mut Faults) -> Option<Timers> {
    let mut time = |field: &str, time: Option<kube::core::Duration>| {
        if time.is_some_and(|time| time.is_negative()) {
            faults.reject(field, Reason::Invalid("must not be negative".to_owned()));
        }
        time.map(Duration::from)
    };
    let hold = time("spec.holdTime", spec.hold_time);
    let keepalive = time("spec.keepaliveTime", spec.keepalive_time);
    let connect = time("spec.connectTime", spec.connect_time);
    Timers::try_new(hold, keepalive, connect)
        .map_err(|error| {
            let field = match error {
                TimersError::HoldTime { .. } => "spec.holdTime",
                TimersError::KeepaliveTime { .. } => "spec.keepaliveTime",
                TimersError::ConnectTime { .. } => "spec.connectTime",
            };
            faults.reject(field, Reason::Invalid(error.to_string()));
        })
        .ok()
}

/// At most one of `password` and `passwordSecret`.
fn password(
    name: &ObjectName,
    spec: &BGPPeerSpec,
    secrets: &Objects<Secret>,
    faults: &mut Faults,
) -> Option<planner::config::Password> {
    // Clients in Go write a reference that is not set as an empty one.
    let secret = spec.password_secret.as_ref();
    let secret = secret.filter(|reference| **reference != SecretReference::default());
    match (&spec.password, secret) {
        (password, Some(_)) if !password.is_empty() => {
            faults.reject(
                "spec.passwordSecret",
                Reason::Exclusive { other: "password" },
            );
            None
        }
        (_, Some(reference)) => secrets::password(faults, reference, &name.namespace, secrets),
        (password, None) if password.is_empty() => None,
        (password, None) => secrets::check(faults, "spec.password", &password.0),
    }
}

/// Puts the password in place of the Secret that it is from.
pub(super) fn put_in_password(spec: &mut BGPPeerSpec, peer: &Peer) {
    if let (Some(_), Some(password)) = (spec.password_secret.take(), &peer.password) {
        spec.password = Password(password.expose().to_owned());
    }
}

/// The peers in force, and which routers they are for.
pub(super) struct Accepted<'a> {
    nodes: &'a BTreeMap<NodeName, Arc<Node>>,
    peers: BTreeMap<PeerName, Peer>,
    by_router: BTreeMap<Router, Vec<ObjectName>>,
}

/// What makes two peers the same router (compat/metallb.md 12 #2).
type Router = (IpAddr, u16, Option<IpAddr>);

impl<'a> Accepted<'a> {
    pub(super) fn new(nodes: &'a BTreeMap<NodeName, Arc<Node>>) -> Self {
        Self {
            nodes,
            peers: BTreeMap::new(),
            by_router: BTreeMap::new(),
        }
    }

    /// Adds a peer, unless an older one stands for the same router on one of the nodes.
    pub(super) fn accept(&mut self, name: &ObjectName, peer: &Peer, faults: &mut Faults) {
        let router = (peer.address, peer.port, peer.source);
        let same_router = self
            .by_router
            .get(&router)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let rival = same_router.iter().find(|other| {
            self.peers
                .get(&*other.name)
                .is_some_and(|other| self.share_a_node(peer, other))
        });
        if let Some(rival) = rival {
            let what = format!("{} port {}", peer.address, peer.port);
            let with = ObjectRef::new(Kind::BGPPeer, rival.clone());
            faults.reject(
                "spec.peerAddress",
                Reason::Conflict {
                    there: what.clone(),
                    what,
                    with,
                },
            );
            return;
        }
        self.by_router.entry(router).or_default().push(name.clone());
        self.peers
            .insert(PeerName::new(name.name.clone()), peer.clone());
    }

    pub(super) fn into_peers(self) -> BTreeMap<PeerName, Peer> {
        self.peers
    }

    /// Without any node known, both may be for the first one that comes.
    fn share_a_node(&self, one: &Peer, other: &Peer) -> bool {
        let selects = |peer: &Peer, node: &Node| peer.nodes.match_labels(&node.labels);
        self.nodes.is_empty()
            || self
                .nodes
                .values()
                .any(|node| selects(one, node) && selects(other, node))
    }
}
