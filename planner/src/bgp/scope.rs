//! What of the configuration and of its own Node the routes of a node depend on.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipam::PoolName;

use super::policy::Policies;
use crate::config::{BgpAdvertisement, Config, Peer, PoolPolicy};
use crate::departure::Departure;
use crate::desired::PeerSession;
use crate::eligible::{Unfit, fitness};
use crate::family::Families;
use crate::names::{AdvertisementName, NodeName, PeerName};
use crate::node::Node;
use crate::selector::Labels;
use crate::snapshot::{BgpDefaults, Snapshot};
use crate::verdict::{AdvertisementKind, Missing, NotOwner, Reason, Unselected};

/// What of the configuration and of its own Node the routes of a node depend on. While this is equal, a change of either
/// concerns Services at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The sessions that the node shall hold.
    pub(super) neighbors: BTreeMap<PeerName, Neighbor>,
    pub(super) policies: Policies,
    /// Why the node announces nothing at all, if so.
    pub(super) fitness: Result<(), Unfit>,
    pub(super) departure: Departure,
    pub(super) defaults: BgpDefaults,
    pools: BTreeMap<PoolName, OfPool>,
}

/// A peer as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbor {
    pub(super) session: PeerSession,
    /// The families of the routes that it is sent.
    pub(super) carried: Families,
}

/// The BGPAdvertisements that select a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OfPool {
    /// Those that select this node too, in the order of their names.
    pub(super) here: Vec<(AdvertisementName, Arc<BgpAdvertisement>)>,
    /// The families of the pool's addresses.
    pub(super) families: Families,
    /// How many there are on any node.
    anywhere: usize,
}

impl Scope {
    /// That of node `me`. A node of which nothing is known holds no session.
    pub(crate) fn new(snapshot: &Snapshot, me: &NodeName, departure: Departure) -> Self {
        let node = snapshot.nodes.get(me).map(AsRef::as_ref);
        let (config, defaults) = (&snapshot.config, snapshot.options.bgp_defaults);
        let mine = |peer: &Peer| node.is_some_and(|node| peer.nodes.match_labels(&node.labels));
        let peers = config.peers.iter().filter(|(_, peer)| mine(peer));
        let neighbors = peers.map(|(name, peer)| (name.clone(), Neighbor::new(peer, defaults)));
        Self {
            neighbors: neighbors.collect(),
            policies: Policies::new(config, node),
            fitness: node.map_or(Ok(()), |node| fitness(node, &snapshot.options)),
            departure,
            defaults,
            pools: advertisements(config, node),
        }
    }

    /// The advertisements of a pool on this node, and which of them apply to a Service of these labels, by their place.
    pub(super) fn applying(
        &self,
        pool: &PoolName,
        labels: &Labels,
    ) -> Result<(&OfPool, Vec<usize>), Reason> {
        let unselected = |missing| Unselected {
            kind: AdvertisementKind::Bgp,
            pool: pool.clone(),
            missing,
        };
        let not_here = |missing| Reason::NotOwner(NotOwner::NotAdvertisedHere(unselected(missing)));
        let Some(of_pool) = self.pools.get(pool).filter(|of_pool| of_pool.anywhere > 0) else {
            return Err(not_here(Missing::Pool));
        };
        if of_pool.here.is_empty() {
            return Err(not_here(Missing::Node));
        }
        let selecting = of_pool.here.iter().enumerate();
        let selecting =
            selecting.filter(|(_, (_, advertisement))| advertisement.services.match_labels(labels));
        let applying: Vec<usize> = selecting.map(|(index, _)| index).collect();
        if applying.is_empty() {
            return Err(Reason::NoMatchingAdvertisement(unselected(
                Missing::Service,
            )));
        }
        Ok((of_pool, applying))
    }
}

impl Neighbor {
    fn new(peer: &Peer, defaults: BgpDefaults) -> Self {
        Self {
            session: PeerSession::new(peer, defaults),
            carried: peer.carried(),
        }
    }
}

fn advertisements(config: &Config, node: Option<&Node>) -> BTreeMap<PoolName, OfPool> {
    let all = config.bgp_advertisements.iter();
    let all: Vec<_> = all
        .map(|(name, advertisement)| {
            let is_here = node.is_some_and(|node| advertisement.nodes.match_labels(&node.labels));
            (name, Arc::new(advertisement.clone()), is_here)
        })
        .collect();
    let of_pool = |name: &PoolName, policy: &PoolPolicy| {
        let selecting = || {
            all.iter()
                .filter(|(_, advertisement, _)| advertisement.pools.selects(name, &policy.labels))
        };
        let here = selecting().filter(|(.., is_here)| *is_here);
        OfPool {
            here: here
                .map(|(name, advertisement, _)| ((*name).clone(), Arc::clone(advertisement)))
                .collect(),
            families: config.pools.families(name).unwrap_or(Families::Both),
            anywhere: selecting().count(),
        }
    };
    let pools = config.pools.policies();
    pools
        .map(|(name, policy)| (name.clone(), of_pool(name, policy)))
        .collect()
}
