//! What keeps all nodes from announcing a Service, as far as the configuration tells.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipam::PoolName;

use crate::bgp::withholding;
use crate::config::{BgpAdvertisement, L2Advertisement};
use crate::effect::ConditionStatus;
use crate::eligible::fitness;
use crate::endpoints::{EndpointCount, Endpoints};
use crate::family::Families;
use crate::names::{NodeName, ServiceKey};
use crate::node::{EXCLUDE_LABEL, Node};
use crate::remedy::{NEEDS_ENDPOINT, STOP_DRAINING};
use crate::selector::Selectors;
use crate::service::{AddressCondition, Service, TrafficPolicy};
use crate::snapshot::Snapshot;
use crate::verdict::{PeerVerdict, Withholding};

/// What the condition of a Service with `addresses` of `pool` says if no node can announce it; `None` if one may.
///
/// Of several advertisements the one that comes closest to announcing tells what is in the way.
pub(crate) fn obstacle(
    snapshot: &Snapshot,
    key: &ServiceKey,
    service: &Service,
    addresses: impl IntoIterator<Item = IpAddr>,
    pool: &PoolName,
) -> Option<AddressCondition> {
    let none = Endpoints::new();
    let way = Way {
        snapshot,
        service,
        families: Families::of(addresses),
        endpoints: snapshot.endpoints.get(key).unwrap_or(&none),
    };
    let found = way.blocked(pool)?;
    let (code, remedy) = (found.code(), found.remedy(pool));
    Some(AddressCondition {
        status: ConditionStatus::False,
        reason: Cow::Borrowed(code),
        message: format!("allocated, but {}; {remedy}", Named(&found, pool)),
    })
}

/// How far the way to an announcement leads: the last is the closest to one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    /// No advertisement is for the pool.
    Pool,
    /// None of those is for the Service.
    Service,
    /// One is, by layer 2, and tells Services apart that share an address.
    Shared,
    /// None of those is for any node.
    Node,
    /// None of these nodes may announce anything.
    Unfit,
    /// None of these has an endpoint, as it must.
    LocalEndpoints,
    /// None of these has a peer that an advertisement names.
    Peer,
    /// None of these has one whose session carries the addresses, which are of these families.
    Family(Families),
    /// BGPPolicies keep it from all peers of these.
    Withheld(BTreeSet<Withholding>),
    /// These could, and are asked to let go of what they announce.
    Draining(BTreeSet<NodeName>),
    /// Nobody would have anything to pass traffic to.
    Endpoints(Total),
}

/// How many endpoints there are, none of which is usable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Total(usize);

impl Obstacle {
    /// What is in the way where there are two ways: that of the one which leads further, or of both.
    fn closest(self, other: Self) -> Self {
        match (self, other) {
            (Self::Withheld(mut one), Self::Withheld(other)) => {
                one.extend(other);
                Self::Withheld(one)
            }
            (Self::Draining(mut one), Self::Draining(other)) => {
                one.extend(other);
                Self::Draining(one)
            }
            (one, other) => one.max(other),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Pool | Self::Service | Self::Shared => "NoAdvertisement",
            Self::Node | Self::Unfit => "NoNode",
            Self::LocalEndpoints => "NoLocalEndpoints",
            Self::Peer => "NoPeer",
            Self::Family(_) => "FamilyNotCarried",
            Self::Withheld(_) => "HeldByPolicy",
            Self::Draining(_) => "Draining",
            Self::Endpoints(_) => "NoEndpoints",
        }
    }

    fn remedy(&self, pool: &PoolName) -> String {
        match self {
            Self::Pool => format!(
                "create an L2Advertisement or a BGPAdvertisement with ipAddressPools: [{pool}]"
            ),
            Self::Service => "make serviceSelectors of one match the Service".to_owned(),
            Self::Shared => "remove serviceSelectors from it, or the annotation metallb.io/allow-shared-ip from the \
                             Service"
                .to_owned(),
            Self::Node => "make nodeSelectors of one match a node".to_owned(),
            Self::Unfit => format!(
                "kubectl label node NODE {EXCLUDE_LABEL}-, or let the network plugin make the node's network available"
            ),
            Self::LocalEndpoints => {
                "run a ready endpoint on one of them, or set externalTrafficPolicy to Cluster".to_owned()
            }
            Self::Peer => "create a BGPPeer, or make nodeSelectors of one match such a node".to_owned(),
            Self::Family(families) => {
                let remedy = PeerVerdict::FamilyNotCarried(*families).remedy();
                remedy.unwrap_or_default().to_owned()
            }
            Self::Withheld(why) => {
                let first = why.first().map(Withholding::remedy);
                first.unwrap_or_default().to_owned()
            }
            Self::Draining(_) => STOP_DRAINING.to_owned(),
            Self::Endpoints(_) => NEEDS_ENDPOINT.to_owned(),
        }
    }
}

/// An obstacle on the way of a pool's address, as a part of a sentence.
struct Named<'a>(&'a Obstacle, &'a PoolName);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(obstacle, pool) = self;
        match obstacle {
            Obstacle::Pool => write!(f, "no advertisement selects pool {pool}"),
            Obstacle::Service => write!(f, "no advertisement of pool {pool} selects the Service"),
            Obstacle::Shared => write!(
                f,
                "the Service has a sharing key, and an L2Advertisement of pool {pool} has serviceSelectors"
            ),
            Obstacle::Node => write!(f, "no advertisement of pool {pool} selects a node"),
            Obstacle::Unfit => write!(
                f,
                "every node that an advertisement of pool {pool} selects is excluded or without network"
            ),
            Obstacle::LocalEndpoints => f.write_str(
                "externalTrafficPolicy is Local and no node that may announce it has a ready endpoint",
            ),
            Obstacle::Peer => f.write_str("no node that may announce it has a BGPPeer to tell"),
            Obstacle::Family(families) => write!(
                f,
                "no session of a node that may announce it carries {families}"
            ),
            Obstacle::Withheld(why) => {
                write!(f, "it is kept from every peer: {}", Listed(why))
            }
            Obstacle::Draining(nodes) => {
                write!(f, "every node that could announce it is being drained: {}", Listed(nodes))
            }
            Obstacle::Endpoints(Total(unusable)) => {
                let count = EndpointCount {
                    usable: 0,
                    unusable: *unusable,
                };
                write!(f, "the Service has {count}")
            }
        }
    }
}

/// The first of many, and how many more there are: a condition's message has an end.
struct Listed<'a, T>(&'a BTreeSet<T>);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(all) = self;
        for (place, one) in all.iter().take(LISTED).enumerate() {
            write!(f, "{}{one}", if place == 0 { "" } else { ", " })?;
        }
        match all.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The way of one Service to an announcement.
struct Way<'a> {
    snapshot: &'a Snapshot,
    service: &'a Service,
    families: Option<Families>,
    endpoints: &'a Endpoints,
}

impl Way<'_> {
    fn blocked(&self, pool: &PoolName) -> Option<Obstacle> {
        let config = &self.snapshot.config;
        let mut policies = config.pools.policies();
        let labels = policies.find_map(|(name, policy)| (name == pool).then_some(&policy.labels));
        let selects = |pools: &crate::config::PoolSelection| {
            labels.is_some_and(|labels| pools.selects(pool, labels))
        };
        let bgp = config.bgp_advertisements.values();
        let bgp = bgp
            .filter(|one| selects(&one.pools))
            .map(|one| self.by_bgp(one));
        let layer2 = config.l2_advertisements.values();
        let layer2 = layer2
            .filter(|one| selects(&one.pools))
            .map(|one| self.by_layer2(one));
        let mut closest = Obstacle::Pool;
        for way in bgp.chain(layer2) {
            match way {
                Ok(()) => {
                    let total = self.endpoints.total();
                    let none = Obstacle::Endpoints(Total(total.unusable));
                    return (total.usable == 0).then_some(none);
                }
                Err(obstacle) => closest = closest.closest(obstacle),
            }
        }
        Some(closest)
    }

    fn by_bgp(&self, advertisement: &BgpAdvertisement) -> Result<(), Obstacle> {
        if !advertisement.services.match_labels(&self.service.labels) {
            return Err(Obstacle::Service);
        }
        self.some_node(&advertisement.nodes, |name, node| {
            self.some_peer(advertisement, node)?;
            if node.is_draining {
                return Err(Obstacle::Draining(BTreeSet::from([name.clone()])));
            }
            Ok(())
        })
    }

    /// Whether a node has a peer to tell.
    fn some_peer(&self, advertisement: &BgpAdvertisement, node: &Node) -> Result<(), Obstacle> {
        let named = self.snapshot.config.peers.iter();
        let named = named.filter(|(name, peer)| {
            advertisement.names_peer(name) && peer.nodes.match_labels(&node.labels)
        });
        let Some(families) = self.families else {
            return Ok(());
        };
        let mut closest = Obstacle::Peer;
        for (name, peer) in named {
            let labels = &self.service.labels;
            let obstacle = if families.intersection(peer.carried()).is_none() {
                Obstacle::Family(families)
            } else if let Some(why) =
                withholding(self.snapshot, node, labels, families, (name, peer))
            {
                Obstacle::Withheld(BTreeSet::from([why]))
            } else {
                return Ok(());
            };
            closest = closest.closest(obstacle);
        }
        Err(closest)
    }

    fn by_layer2(&self, advertisement: &L2Advertisement) -> Result<(), Obstacle> {
        if !advertisement.services.match_labels(&self.service.labels) {
            return Err(Obstacle::Service);
        }
        if !advertisement.services.is_empty() && self.service.sharing_key.is_some() {
            return Err(Obstacle::Shared);
        }
        self.some_node(&advertisement.nodes, |_, _| Ok(()))
    }

    /// Whether some node that is selected may announce, and `can`.
    fn some_node(
        &self,
        selected: &Selectors,
        can: impl Fn(&NodeName, &Node) -> Result<(), Obstacle>,
    ) -> Result<(), Obstacle> {
        let mut closest = Obstacle::Node;
        for (name, node) in &self.snapshot.nodes {
            if !selected.match_labels(&node.labels) {
                continue;
            }
            let obstacle = if fitness(node, &self.snapshot.options).is_err() {
                Obstacle::Unfit
            } else if !self.serves(name) {
                Obstacle::LocalEndpoints
            } else if let Err(obstacle) = can(name, node) {
                obstacle
            } else {
                return Ok(());
            };
            closest = closest.closest(obstacle);
        }
        Err(closest)
    }

    /// Whether a node has something to pass traffic to, if it must itself. Without endpoints anywhere that is no matter of
    /// the node.
    fn serves(&self, node: &NodeName) -> bool {
        self.service.traffic_policy == TrafficPolicy::Cluster
            || !self.endpoints.any_usable()
            || self.endpoints.on(node).usable > 0
    }
}

/// How many nodes or policies are named at most.
const LISTED: usize = 5;
