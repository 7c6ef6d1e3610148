//! Which Services want which prefixes announced, and which routes come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;
use ipam::Family;
use ipnet::IpNet;

use super::grants::{Grants, unite};
use crate::desired::{Route, RouteAttributes};
use crate::names::{PeerName, ServiceKey};
use crate::service_set::ServiceSet;

/// What a Service wants announced.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// When the Service was created: of two that contradict each other the older has its way.
    created: Duration,
    addresses: Vec<IpAddr>,
    grants: Arc<Grants>,
    /// Whether it is announced, once that has been decided.
    decision: Option<Decision>,
}

/// Whether a claim is met.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Announced,
    /// An older Service has one of the prefixes with attributes that contradict.
    Yields(ServiceKey),
}

/// All claims of a node, and the routes that come of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    services: BTreeMap<ServiceKey, Claim>,
    prefixes: BTreeMap<IpNet, Claimants>,
    routes: BTreeMap<PeerName, OrdMap<IpNet, Route>>,
}

/// Who claims a prefix.
#[derive(Clone, Debug, Default)]
struct Claimants {
    services: ServiceSet,
    /// What they are granted. Mostly the same for all.
    kinds: Vec<Kind>,
}

/// Claims with the same grants.
#[derive(Clone, Debug)]
struct Kind {
    grants: Arc<Grants>,
    claims: usize,
    /// How many of the claims are met.
    announced: usize,
}

/// What is left to do: claims to decide about, the most senior first, and prefixes whose attributes may be others.
#[derive(Debug, Default)]
pub(super) struct Work {
    undecided: BTreeSet<(Duration, ServiceKey)>,
    touched: BTreeSet<IpNet>,
}

impl Claim {
    pub(super) fn new(created: Duration, addresses: &[IpAddr], grants: Arc<Grants>) -> Self {
        Self {
            created,
            addresses: addresses.to_vec(),
            grants,
            decision: None,
        }
    }

    /// What the advertisements grant.
    pub(super) fn grants(&self) -> &Grants {
        &self.grants
    }

    /// The addresses, in the order of the status.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The older Service that is in the way, if one is.
    pub(super) fn yields_to(&self) -> Option<&ServiceKey> {
        match &self.decision {
            Some(Decision::Yields(other)) => Some(other),
            Some(Decision::Announced) | None => None,
        }
    }

    fn is_announced(&self) -> bool {
        self.decision == Some(Decision::Announced)
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.grants, &other.grants)
            && (self.created, &self.addresses) == (other.created, &other.addresses)
    }

    /// Each prefix for each peer.
    fn granted(&self) -> impl Iterator<Item = (&PeerName, IpNet, &Arc<RouteAttributes>)> {
        self.grants.peers.iter().flat_map(move |(peer, lengths)| {
            self.addresses.iter().flat_map(move |address| {
                let of_family = lengths.iter();
                let of_family =
                    of_family.filter(|((family, _), _)| *family == Family::of(*address));
                of_family.filter_map(move |((_, length), attributes)| {
                    Some((peer, prefix(*address, *length)?, attributes))
                })
            })
        })
    }

    fn prefixes(&self) -> Vec<IpNet> {
        let mut prefixes: Vec<_> = self.granted().map(|(_, prefix, _)| prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }
}

impl Claims {
    /// No claims, and routes for none of these peers.
    pub(super) fn new<'a>(peers: impl IntoIterator<Item = &'a PeerName>) -> Self {
        let routes = peers.into_iter().map(|peer| (peer.clone(), OrdMap::new()));
        Self {
            routes: routes.collect(),
            ..Self::default()
        }
    }

    /// The claim of a Service.
    pub(super) fn get(&self, key: &ServiceKey) -> Option<&Claim> {
        self.services.get(key)
    }

    /// The routes for each peer.
    pub(super) fn routes(&self) -> &BTreeMap<PeerName, OrdMap<IpNet, Route>> {
        &self.routes
    }

    /// Puts a claim, or none, in place of that of a Service. What follows from it is done by [`Self::settle`].
    pub(super) fn replace(&mut self, key: &ServiceKey, claim: Option<Claim>, work: &mut Work) {
        if let (Some(before), Some(now)) = (self.services.get(key), &claim)
            && before.is_same(now)
        {
            return;
        }
        if let Some(before) = self.services.remove(key) {
            self.leave(key, &before, work);
        }
        if let Some(mut claim) = claim {
            let mut is_contested = false;
            for prefix in claim.prefixes() {
                let claimants = self.prefixes.entry(prefix).or_default();
                claimants.services.insert(key.clone());
                claimants.count(&claim.grants, |kind| kind.claims += 1);
                is_contested |= claimants.kinds.len() > 1;
            }
            if is_contested {
                work.undecided.insert((claim.created, key.clone()));
            } else {
                // Whoever comes later with other grants has its juniors asked again.
                claim.decision = Some(Decision::Announced);
                self.carry_out(key, &claim, work);
            }
            self.services.insert(key.clone(), claim);
        }
    }

    /// Decides about every claim that others may have changed, and brings the routes up to date. The Services that are
    /// announced and were not, or the other way round, are added to `reached`.
    pub(super) fn settle(&mut self, mut work: Work, reached: &mut BTreeSet<ServiceKey>) {
        while let Some((_, key)) = work.undecided.pop_first() {
            let Some(mut claim) = self.services.remove(&key) else {
                continue;
            };
            let rival = self.rival(&key, &claim);
            let decision = rival.map_or(Decision::Announced, Decision::Yields);
            if claim.decision.as_ref() != Some(&decision) {
                let (was_announced, is_announced) =
                    (claim.is_announced(), decision == Decision::Announced);
                claim.decision = Some(decision);
                if was_announced != is_announced {
                    self.carry_out(&key, &claim, &mut work);
                }
                reached.insert(key.clone());
            }
            self.services.insert(key, claim);
        }
        for prefix in work.touched {
            self.refresh(prefix);
        }
    }

    fn leave(&mut self, key: &ServiceKey, claim: &Claim, work: &mut Work) {
        if claim.is_announced() {
            self.withdraw(key, claim);
        }
        for prefix in claim.prefixes() {
            work.touched.insert(prefix);
            self.ask_juniors(prefix, key, claim, work);
            if let Some(claimants) = self.prefixes.get_mut(&prefix) {
                claimants.services.remove(key);
                claimants.count(&claim.grants, |kind| {
                    kind.claims -= 1;
                    kind.announced -= usize::from(claim.is_announced());
                });
                claimants.kinds.retain(|kind| kind.claims > 0);
                if claimants.kinds.is_empty() {
                    self.prefixes.remove(&prefix);
                }
            }
        }
    }

    /// Makes the routes what has been decided about a claim, and has all decided about that this may change.
    fn carry_out(&mut self, key: &ServiceKey, claim: &Claim, work: &mut Work) {
        if claim.is_announced() {
            self.announce(key, claim);
        } else {
            self.withdraw(key, claim);
        }
        for prefix in claim.prefixes() {
            if let Some(claimants) = self.prefixes.get_mut(&prefix) {
                claimants.count(&claim.grants, |kind| match claim.is_announced() {
                    true => kind.announced += 1,
                    false => kind.announced -= 1,
                });
                if claimants.kinds.len() > 1 || !claim.is_announced() {
                    work.touched.insert(prefix);
                }
            }
            self.ask_juniors(prefix, key, claim, work);
        }
    }

    fn announce(&mut self, key: &ServiceKey, claim: &Claim) {
        for (peer, prefix, attributes) in claim.granted() {
            let Some(routes) = self.routes.get_mut(peer) else {
                continue;
            };
            if let Some(route) = routes.get_mut(&prefix) {
                route.services.insert(key.clone());
            } else {
                let route = Route {
                    attributes: Arc::clone(attributes),
                    services: ServiceSet::of(key.clone()),
                };
                routes.insert(prefix, route);
            }
        }
    }

    fn withdraw(&mut self, key: &ServiceKey, claim: &Claim) {
        for (peer, prefix, _) in claim.granted() {
            let Some(routes) = self.routes.get_mut(peer) else {
                continue;
            };
            let Some(route) = routes.get_mut(&prefix) else {
                continue;
            };
            route.services.remove(key);
            if route.services.is_empty() {
                routes.remove(&prefix);
            }
        }
    }

    /// Has everybody decided about anew who is younger and claims the prefix with other grants.
    fn ask_juniors(&self, prefix: IpNet, key: &ServiceKey, claim: &Claim, work: &mut Work) {
        let claimants = self.prefixes.get(&prefix);
        let Some(claimants) = claimants.filter(|claimants| claimants.kinds.len() > 1) else {
            return;
        };
        let senior = (claim.created, key);
        for other in claimants.services.iter() {
            if let Some(junior) = self.services.get(other)
                && (junior.created, other) > senior
                && !Arc::ptr_eq(&junior.grants, &claim.grants)
            {
                work.undecided.insert((junior.created, other.clone()));
            }
        }
    }

    /// The most senior of the older Services that have one of the prefixes with attributes that contradict.
    fn rival(&self, key: &ServiceKey, claim: &Claim) -> Option<ServiceKey> {
        claim.granted().find_map(|(peer, prefix, attributes)| {
            let claimants = self.prefixes.get(&prefix)?;
            let contradict = |grants: &Grants| {
                let other = grants.attributes(peer, &prefix);
                other.is_some_and(|other| other.contradict(attributes))
            };
            let mut kinds = claimants.kinds.iter();
            if !kinds.any(|kind| kind.announced > 0 && contradict(&kind.grants)) {
                return None;
            }
            let others = claimants.services.iter();
            let others = others.filter_map(|other| Some((self.services.get(other)?, other)));
            let rivals = others.filter(|(other, name)| {
                other.is_announced()
                    && (other.created, *name) < (claim.created, key)
                    && contradict(&other.grants)
            });
            let most_senior = rivals.min_by_key(|(other, name)| (other.created, *name));
            most_senior.map(|(_, name)| name.clone())
        })
    }

    /// Makes the attributes of a prefix the union of what its Services are granted.
    fn refresh(&mut self, prefix: IpNet) {
        let Some(claimants) = self.prefixes.get(&prefix) else {
            return;
        };
        for (peer, routes) in &mut self.routes {
            let announced = claimants.kinds.iter().filter(|kind| kind.announced > 0);
            let granted = announced.filter_map(|kind| kind.grants.attributes(peer, &prefix));
            let united = granted.cloned().reduce(|mut united, other| {
                unite(&mut united, &other);
                united
            });
            if let Some(united) = united
                && routes
                    .get(&prefix)
                    .is_some_and(|route| route.attributes != united)
                && let Some(route) = routes.get_mut(&prefix)
            {
                route.attributes = united;
            }
        }
    }
}

impl Claimants {
    fn count(&mut self, grants: &Arc<Grants>, count: impl FnOnce(&mut Kind)) {
        let mut kinds = self.kinds.iter_mut();
        if let Some(kind) = kinds.find(|kind| Arc::ptr_eq(&kind.grants, grants)) {
            count(kind);
            return;
        }
        let mut kind = Kind {
            grants: Arc::clone(grants),
            claims: 0,
            announced: 0,
        };
        count(&mut kind);
        self.kinds.push(kind);
    }
}

/// The length is one of the address's family, so there is always a prefix.
fn prefix(address: IpAddr, length: u8) -> Option<IpNet> {
    Some(IpNet::new(address, length).ok()?.trunc())
}
