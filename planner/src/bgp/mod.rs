//! Which prefixes go to which peer, and with which attributes.

mod claims;
mod grants;
mod policy;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipam::PoolName;

use self::claims::{Claim, Claims, Work};
use self::grants::Grants;
pub(crate) use self::policy::withholding;
use self::scope::Scope;
use crate::departure::Departure;
use crate::desired::PeerDesired;
use crate::family::Families;
use crate::names::{AdvertisementName, NodeName, PeerName, ServiceKey};
use crate::service::TrafficPolicy;
use crate::snapshot::Snapshot;
use crate::subject::{Examined, Subject};
use crate::verdict::{BgpAnnouncement, Conflict, Reason, Verdict};

/// The sessions of one node and the routes on them, kept up to date.
#[derive(Clone, Debug)]
pub(crate) struct Bgp {
    scope: Scope,
    made: BTreeMap<GrantsKey, GrantsOrConflict>,
    claims: Claims,
    /// The Services that claim nothing, and why.
    withheld: BTreeMap<ServiceKey, Reason>,
}

/// What grants depend on: a pool, and those of the advertisements and policies of this node that select a Service, by
/// their places in the scope.
type GrantsKey = (PoolName, Vec<usize>, Vec<usize>);

type GrantsOrConflict = Result<Arc<Grants>, (AdvertisementName, AdvertisementName)>;

/// Whether what every route depends on is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rescoped {
    /// It is.
    No,
    /// It is not: every Service has to be looked at again.
    Yes,
}

impl Bgp {
    /// Nothing is known yet, so node `me` holds no session.
    pub(crate) fn new(me: &NodeName) -> Self {
        Self::of(Scope::new(&Snapshot::default(), me, Departure::Staying))
    }

    fn of(scope: Scope) -> Self {
        Self {
            claims: Claims::new(scope.neighbors.keys()),
            scope,
            made: BTreeMap::new(),
            withheld: BTreeMap::new(),
        }
    }

    /// Takes over another configuration, another Node or another departure. Where that makes a difference to routes or
    /// sessions none is left, until every Service has been looked at.
    pub(crate) fn rescope(
        &mut self,
        snapshot: &Snapshot,
        me: &NodeName,
        departure: Departure,
    ) -> Rescoped {
        let scope = Scope::new(snapshot, me, departure);
        if scope == self.scope {
            return Rescoped::No;
        }
        *self = Self::of(scope);
        Rescoped::Yes
    }

    /// Takes over what has become of Services. Those that are announced otherwise for it, themselves or others, are
    /// returned.
    pub(crate) fn update(
        &mut self,
        me: &NodeName,
        services: &Examined<'_>,
    ) -> BTreeSet<ServiceKey> {
        let mut work = Work::default();
        for (key, subject) in services {
            let claim = match subject {
                Some(Ok(subject)) => Some(self.claim(subject, me)),
                Some(Err(_)) | None => None,
            };
            match claim {
                Some(Err(reason)) => {
                    self.claims.replace(key, None, &mut work);
                    self.withheld.insert((*key).clone(), reason);
                }
                claim => {
                    self.withheld.remove(*key);
                    let claim = claim.and_then(Result::ok);
                    self.claims.replace(key, claim, &mut work);
                }
            }
        }
        let mut reached = BTreeSet::new();
        self.claims.settle(work, &mut reached);
        reached
    }

    /// What the node does about a Service that has something to announce.
    pub(crate) fn verdict(&self, key: &ServiceKey) -> Verdict<BgpAnnouncement> {
        if let Some(reason) = self.withheld.get(key) {
            return Verdict::Withheld(reason.clone());
        }
        let claim = self.claims.get(key);
        if let Some(other) = claim.and_then(Claim::yields_to) {
            let conflict = Conflict::Service(other.clone());
            return Verdict::Withheld(Reason::ConflictingAdvertisements(conflict));
        }
        let peers = claim.and_then(|claim| {
            let families = Families::of(claim.addresses().iter().copied())?;
            Some(claim.grants().verdicts(families))
        });
        Verdict::Announced(BgpAnnouncement {
            peers: peers.unwrap_or_default(),
        })
    }

    /// The sessions with all their routes.
    pub(crate) fn peers(&self) -> BTreeMap<PeerName, PeerDesired> {
        let neighbors = self.scope.neighbors.iter();
        let peers = neighbors.map(|(name, neighbor)| {
            let routes = self.claims.routes().get(name).cloned().unwrap_or_default();
            let session = neighbor.session.clone();
            (name.clone(), PeerDesired { session, routes })
        });
        peers.collect()
    }

    /// What a Service claims, or why nothing. The tests are MetalLB's, in its order.
    fn claim(&mut self, subject: &Subject<'_>, me: &NodeName) -> Result<Claim, Reason> {
        let grants = self.grants(subject)?;
        self.scope.fitness.map_err(Reason::from)?;
        if self.scope.departure == Departure::Gone {
            return Err(Reason::Draining);
        }
        let (here, total) = (subject.endpoints.on(me), subject.endpoints.total());
        if subject.service.traffic_policy == TrafficPolicy::Local && here.usable == 0 {
            return Err(Reason::NoLocalEndpoints { here, total });
        }
        if total.usable == 0 {
            return Err(Reason::NoEndpoints { total });
        }
        Ok(Claim::new(
            subject.service.created,
            &subject.addresses,
            grants,
        ))
    }

    /// What the advertisements that apply to a Service on this node grant.
    fn grants(&mut self, subject: &Subject<'_>) -> Result<Arc<Grants>, Reason> {
        let labels = &subject.service.labels;
        let (of_pool, applying) = self.scope.applying(subject.pool, labels)?;
        let policies = self.scope.policies.of_service(labels);
        let key = (subject.pool.clone(), applying, policies);
        let made = match self.made.get(&key) {
            Some(made) => made.clone(),
            None => {
                let made = Grants::new(of_pool, &key.1, &key.2, &self.scope).map(Arc::new);
                self.made.insert(key, made.clone());
                made
            }
        };
        made.map_err(|(one, other)| {
            Reason::ConflictingAdvertisements(Conflict::Advertisements(one, other))
        })
    }
}
