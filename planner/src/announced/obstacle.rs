//! What keeps all nodes from announcing a Service, as far as the configuration tells.

use std::borrow::Cow;
use std::fmt;

use ipam::PoolName;

use crate::config::{BgpAdvertisement, L2Advertisement};
use crate::effect::ConditionStatus;
use crate::eligible::fitness;
use crate::endpoints::{EndpointCount, Endpoints};
use crate::names::{NodeName, ServiceKey};
use crate::node::{EXCLUDE_LABEL, Node};
use crate::remedy::NEEDS_ENDPOINT;
use crate::selector::Selectors;
use crate::service::{AddressCondition, Service, TrafficPolicy};
use crate::snapshot::Snapshot;

/// What the condition of a Service with an address of `pool` says if no node can announce it; `None` if one may.
///
/// Of several advertisements the one that comes closest to announcing tells what is in the way.
pub(crate) fn obstacle(
    snapshot: &Snapshot,
    key: &ServiceKey,
    service: &Service,
    pool: &PoolName,
) -> Option<AddressCondition> {
    let none = Endpoints::new();
    let way = Way {
        snapshot,
        service,
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Nobody would have anything to pass traffic to.
    Endpoints(Total),
}

/// How many endpoints there are, none of which is usable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Total(usize);

impl Obstacle {
    fn code(self) -> &'static str {
        match self {
            Self::Pool | Self::Service | Self::Shared => "NoAdvertisement",
            Self::Node | Self::Unfit => "NoNode",
            Self::LocalEndpoints => "NoLocalEndpoints",
            Self::Peer => "NoPeer",
            Self::Endpoints(_) => "NoEndpoints",
        }
    }

    fn remedy(self, pool: &PoolName) -> String {
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

/// The way of one Service to an announcement.
struct Way<'a> {
    snapshot: &'a Snapshot,
    service: &'a Service,
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
                Err(obstacle) => closest = closest.max(obstacle),
            }
        }
        Some(closest)
    }

    fn by_bgp(&self, advertisement: &BgpAdvertisement) -> Result<(), Obstacle> {
        if !advertisement.services.match_labels(&self.service.labels) {
            return Err(Obstacle::Service);
        }
        let peers = &self.snapshot.config.peers;
        self.some_node(&advertisement.nodes, |node| {
            let mut named = peers
                .iter()
                .filter(|(name, _)| advertisement.names_peer(name));
            named.any(|(_, peer)| peer.nodes.match_labels(&node.labels))
        })
    }

    fn by_layer2(&self, advertisement: &L2Advertisement) -> Result<(), Obstacle> {
        if !advertisement.services.match_labels(&self.service.labels) {
            return Err(Obstacle::Service);
        }
        if !advertisement.services.is_empty() && self.service.sharing_key.is_some() {
            return Err(Obstacle::Shared);
        }
        self.some_node(&advertisement.nodes, |_| true)
    }

    /// Whether some node that is selected may announce, and has a peer.
    fn some_node(
        &self,
        selected: &Selectors,
        has_peer: impl Fn(&Node) -> bool,
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
            } else if !has_peer(node) {
                Obstacle::Peer
            } else {
                return Ok(());
            };
            closest = closest.max(obstacle);
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
