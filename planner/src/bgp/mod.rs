//! Which prefixes go to which peer, and with which attributes.

mod grants;
mod policy;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use imbl::OrdMap;
use ipam::{Family, PoolName};
use ipnet::IpNet;

use self::grants::{Grants, Named, unite};
use self::policy::Policies;
use crate::config::Peer;
use crate::departure::Departure;
use crate::desired::{PeerDesired, PeerSession, Route, RouteAttributes};
use crate::eligible::fitness;
use crate::family::Families;
use crate::names::{AdvertisementName, NodeName, PeerName, PolicyName, ServiceKey};
use crate::node::Node;
use crate::service::TrafficPolicy;
use crate::service_set::ServiceSet;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{
    AdvertisementKind, BgpAnnouncement, Conflict, Missing, NotOwner, Reason, Unselected, Verdict,
};

/// The sessions of one node, whose routes grow with each Service.
pub(crate) struct Bgp<'a> {
    snapshot: &'a Snapshot,
    me: &'a NodeName,
    node: Option<&'a Node>,
    departure: Departure,
    peers: BTreeMap<PeerName, PeerDesired>,
    advertisements: BTreeMap<&'a PoolName, OfPool<'a>>,
    policies: Policies<'a>,
    made: BTreeMap<GrantsKey<'a>, Rc<GrantsOrConflict>>,
}

/// What grants depend on: a pool, and those of the advertisements and policies of this node that select a Service.
type GrantsKey<'a> = (
    &'a PoolName,
    Vec<&'a AdvertisementName>,
    Vec<&'a PolicyName>,
);

/// The advertisements that select a pool.
#[derive(Default)]
struct OfPool<'a> {
    /// Those that select this node too.
    here: Vec<Named<'a>>,
    /// How many there are on any node.
    anywhere: usize,
}

type GrantsOrConflict = Result<Grants, (AdvertisementName, AdvertisementName)>;

impl<'a> Bgp<'a> {
    /// The sessions of node `me`, without routes. A node of which nothing is known has none.
    pub(crate) fn new(snapshot: &'a Snapshot, me: &'a NodeName, departure: Departure) -> Self {
        let node = snapshot.nodes.get(me).map(AsRef::as_ref);
        let mine = |peer: &Peer| node.is_some_and(|node| peer.nodes.match_labels(&node.labels));
        let peers = snapshot
            .config
            .peers
            .iter()
            .filter(|(_, peer)| mine(peer))
            .map(|(name, peer)| {
                let session = PeerSession::new(peer, snapshot.options.bgp_defaults);
                (
                    name.clone(),
                    PeerDesired {
                        session,
                        routes: OrdMap::new(),
                    },
                )
            });
        let advertisements = snapshot.config.pools.policies().map(|(pool, policy)| {
            let mut of_pool = OfPool::default();
            for (name, advertisement) in &snapshot.config.bgp_advertisements {
                if advertisement.pools.selects(pool, &policy.labels) {
                    of_pool.anywhere = of_pool.anywhere.saturating_add(1);
                    if node.is_some_and(|node| advertisement.nodes.match_labels(&node.labels)) {
                        of_pool.here.push((name, advertisement));
                    }
                }
            }
            (pool, of_pool)
        });
        let (peers, advertisements) = (peers.collect(), advertisements.collect());
        Self {
            snapshot,
            me,
            node,
            departure,
            peers,
            advertisements,
            policies: Policies::new(&snapshot.config, node),
            made: BTreeMap::new(),
        }
    }

    /// Adds the routes of a Service, or says why there are none. The tests are MetalLB's, in its order. To be called in
    /// order of seniority: of two Services that want different attributes for one prefix the first has it.
    pub(crate) fn announce(&mut self, subject: &Subject<'a>) -> Verdict<BgpAnnouncement> {
        match self.try_announce(subject) {
            Ok(announcement) => Verdict::Announced(announcement),
            Err(reason) => Verdict::Withheld(reason),
        }
    }

    /// The sessions with all their routes.
    pub(crate) fn into_peers(self) -> BTreeMap<PeerName, PeerDesired> {
        self.peers
    }

    fn try_announce(&mut self, subject: &Subject<'a>) -> Result<BgpAnnouncement, Reason> {
        let grants = self.grants(subject)?;
        let grants = grants.as_ref().as_ref().map_err(|(one, other)| {
            Reason::ConflictingAdvertisements(Conflict::Advertisements(one.clone(), other.clone()))
        })?;
        if let Some(node) = self.node {
            fitness(node, &self.snapshot.options).map_err(Reason::from)?;
        }
        if self.departure == Departure::Gone {
            return Err(Reason::Draining);
        }
        let (here, total) = (subject.endpoints.on(self.me), subject.endpoints.total());
        if subject.service.traffic_policy == TrafficPolicy::Local && here.usable == 0 {
            return Err(Reason::NoLocalEndpoints { here, total });
        }
        if total.usable == 0 {
            return Err(Reason::NoEndpoints { total });
        }
        let routes = routes(grants, subject);
        if let Some(other) = routes.iter().find_map(|route| self.conflicting(route)) {
            return Err(Reason::ConflictingAdvertisements(Conflict::Service(other)));
        }
        for (peer, prefix, attributes) in routes {
            if let Some(desired) = self.peers.get_mut(peer) {
                let absent = || Route {
                    attributes: Arc::clone(attributes),
                    services: ServiceSet::new(),
                };
                let route = desired.routes.entry(prefix).or_insert_with(absent);
                unite(&mut route.attributes, attributes);
                route.services.insert(subject.key.clone());
            }
        }
        let families = Families::of(subject.addresses.iter().copied());
        Ok(BgpAnnouncement {
            peers: families
                .map(|families| grants.verdicts(families))
                .unwrap_or_default(),
        })
    }

    /// What the advertisements that apply to a Service on this node grant.
    fn grants(&mut self, subject: &Subject<'a>) -> Result<Rc<GrantsOrConflict>, Reason> {
        let none = OfPool::default();
        let of_pool = self.advertisements.get(subject.pool).unwrap_or(&none);
        let unselected = |missing| Unselected {
            kind: AdvertisementKind::Bgp,
            pool: subject.pool.clone(),
            missing,
        };
        if of_pool.here.is_empty() {
            let missing = if of_pool.anywhere == 0 {
                Missing::Pool
            } else {
                Missing::Node
            };
            return Err(Reason::NotOwner(NotOwner::NotAdvertisedHere(unselected(
                missing,
            ))));
        }
        let selecting = of_pool.here.iter().filter(|(_, advertisement)| {
            advertisement.services.match_labels(&subject.service.labels)
        });
        let applying: Vec<Named<'a>> = selecting.copied().collect();
        if applying.is_empty() {
            return Err(Reason::NoMatchingAdvertisement(unselected(
                Missing::Service,
            )));
        }
        let config = &self.snapshot.config;
        let policies = self.policies.of_service(&subject.service.labels);
        let key = (
            subject.pool,
            applying.iter().map(|(name, _)| *name).collect(),
            policies.iter().map(|(name, _)| *name).collect(),
        );
        let make = || {
            let families = config
                .pools
                .families(subject.pool)
                .unwrap_or(Families::Both);
            let defaults = self.snapshot.options.bgp_defaults;
            Rc::new(Grants::new(
                &applying,
                &policies,
                families,
                &config.peers,
                &self.peers,
                self.departure,
                defaults,
            ))
        };
        Ok(Rc::clone(self.made.entry(key).or_insert_with(make)))
    }

    /// The Service that has the prefix with attributes already that cannot be united with these.
    fn conflicting(&self, (peer, prefix, attributes): &Granted<'_>) -> Option<ServiceKey> {
        let present = self.peers.get(*peer)?.routes.get(prefix)?;
        let conflict = present.attributes.contradict(attributes);
        present.services.iter().next().filter(|_| conflict).cloned()
    }
}

/// A prefix for a peer.
type Granted<'g> = (&'g PeerName, IpNet, &'g Arc<RouteAttributes>);

/// A Service's prefixes for each peer.
fn routes<'g>(grants: &'g Grants, subject: &Subject<'_>) -> Vec<Granted<'g>> {
    let mut routes = Vec::new();
    for (peer, lengths) in &grants.peers {
        for address in &subject.addresses {
            for ((_, length), attributes) in lengths
                .iter()
                .filter(|((family, _), _)| *family == Family::of(*address))
            {
                // The length is one of the address's family, so there is always a prefix.
                let prefix = IpNet::new(*address, *length).ok();
                routes.extend(prefix.map(|prefix| (peer, prefix.trunc(), attributes)));
            }
        }
    }
    routes
}
