//! Who may own an address: nodes that an L2Advertisement selects and that are fit to announce.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use election::Candidate;
use ipam::PoolName;
use ipnet::IpNet;

use super::renewal::{Renewal, Renewals};
use super::subnets::Subnets;
use super::tier::{Stay, Tier};
use crate::config::{Failback, L2Advertisement};
use crate::desired::InterfaceSelection;
use crate::eligible::{Exclusion, fitness};
use crate::members::{Attachment, Members};
use crate::names::{AdvertisementName, NodeName};
use crate::node::Node;
use crate::selector::Selectors;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{AdvertisementKind, Missing, NotOwner, Reason, Unselected};

/// The nodes for the addresses of one pool in the same subnets to which the same advertisements apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Electorate {
    key: ElectorateKey,
    unselected: Unselected,
    failback: Failback,
    covered: BTreeMap<NodeName, InterfaceSelection>,
    /// The nodes that would be candidates if all were alive, all links up and in all subnets.
    claimants: BTreeMap<NodeName, Claimant>,
    /// The nodes that may own the addresses, each tier in the order of their names. No tier is empty.
    tiers: BTreeMap<Tier, Vec<Candidate>>,
    excluded: BTreeMap<NodeName, Exclusion>,
}

/// A node that would be a candidate if it were alive: what only depends on what all nodes are told alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claimant {
    pub(super) candidate: Candidate,
    /// Whether its Node asks it to drain.
    pub(super) is_draining: bool,
}

impl Electorate {
    /// The interfaces that advertisements name on `node`.
    pub(crate) fn covers(&self, node: &NodeName) -> Result<&InterfaceSelection, Reason> {
        let no_match = || Reason::NoMatchingAdvertisement(self.unselected.clone());
        self.covered.get(node).ok_or_else(no_match)
    }

    /// The interfaces that advertisements name, by node.
    pub(super) fn covered(&self) -> &BTreeMap<NodeName, InterfaceSelection> {
        &self.covered
    }

    /// Whether the two are for the same addresses.
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Whether an address goes to a better node than the one that has it.
    pub(super) fn failback(&self) -> Failback {
        self.failback
    }

    /// The tiers that somebody is in, in the order in which they are asked.
    pub(super) fn tiers(&self) -> impl Iterator<Item = Tier> {
        self.tiers.keys().copied()
    }

    /// The nodes that may own the addresses, if they have endpoints where they must.
    pub(super) fn candidates(&self, tier: Tier) -> &[Candidate] {
        self.tiers.get(&tier).map_or(&[], Vec::as_slice)
    }

    /// Those who can win an election that is open to all.
    pub(super) fn eligible(&self) -> &[Candidate] {
        let first = self.tiers.first_key_value();
        first.map_or(&[], |(_, candidates)| candidates)
    }

    /// The candidate of this name.
    pub(super) fn candidate(&self, tier: Tier, name: &str) -> Option<&Candidate> {
        let candidates = self.candidates(tier);
        let found = candidates.binary_search_by(|candidate| candidate.name().cmp(name));
        candidates.get(found.ok()?)
    }

    /// What is known of a node that would be a candidate if it were alive.
    pub(super) fn claimant(&self, node: &NodeName) -> Option<&Claimant> {
        self.claimants.get(node)
    }

    /// Whether some node would be a candidate if it were alive.
    pub(super) fn has_claimants(&self) -> bool {
        !self.claimants.is_empty()
    }

    /// Why each node may not that is in no tier.
    pub(crate) fn excluded(&self) -> &BTreeMap<NodeName, Exclusion> {
        &self.excluded
    }

    fn new(
        key: ElectorateKey,
        unselected: Unselected,
        applying: &[&L2Advertisement],
        snapshot: &Snapshot,
        members: Option<&Members>,
    ) -> Self {
        let failback = applying.iter().map(|advertisement| advertisement.failback);
        let mut electorate = Self {
            key,
            unselected,
            failback: failback.max().unwrap_or_default(),
            covered: BTreeMap::new(),
            claimants: BTreeMap::new(),
            tiers: BTreeMap::new(),
            excluded: BTreeMap::new(),
        };
        for (name, node) in &snapshot.nodes {
            let covering = applying
                .iter()
                .filter(|advertisement| advertisement.nodes.match_labels(&node.labels));
            let interfaces = covering.map(|advertisement| named_interfaces(advertisement));
            let Some(interfaces) = interfaces.reduce(InterfaceSelection::union) else {
                electorate
                    .excluded
                    .insert(name.clone(), Exclusion::NotAdvertised);
                continue;
            };
            electorate.covered.insert(name.clone(), interfaces);
            match fitness(node, &snapshot.options) {
                Ok(()) => {
                    let claimant = Claimant {
                        candidate: Candidate::new(name.as_str(), preference(applying, node)),
                        is_draining: node.is_draining,
                    };
                    electorate.claimants.insert(name.clone(), claimant);
                }
                Err(unfit) => {
                    electorate.excluded.insert(name.clone(), unfit.into());
                }
            }
        }
        electorate.call(members);
        electorate
    }

    /// Sorts the claimants that are alive into tiers.
    fn call(&mut self, members: Option<&Members>) {
        let mut alive = Vec::with_capacity(self.claimants.len());
        for (name, claimant) in &self.claimants {
            let member = match members {
                None => None,
                Some(members) => {
                    let Some(member) = members.get(name) else {
                        self.excluded.insert(name.clone(), Exclusion::NotAlive);
                        continue;
                    };
                    Some(member)
                }
            };
            let selection = self.covered.get(name);
            let attachment = member.zip(selection).map(|(member, selection)| {
                let subnets = &self.key.subnets;
                member.attachment(selection, subnets)
            });
            let attachment = attachment.unwrap_or(Attachment::Unknown);
            let leaves = member.is_some_and(|member| member.is_draining);
            alive.push((claimant, attachment, claimant.is_draining || leaves));
        }
        let some_on_subnet = alive
            .iter()
            .any(|(_, attachment, _)| *attachment == Attachment::OnSubnet);
        for (claimant, attachment, is_draining) in alive {
            let stay = if is_draining {
                Stay::Draining
            } else {
                Stay::Staying
            };
            let tier = Tier::new(attachment, some_on_subnet, stay);
            let candidates = self.tiers.entry(tier).or_default();
            candidates.push(claimant.candidate.clone());
        }
    }
}

fn named_interfaces(advertisement: &L2Advertisement) -> InterfaceSelection {
    if advertisement.interfaces.is_empty() {
        InterfaceSelection::All
    } else {
        InterfaceSelection::Named(advertisement.interfaces.clone())
    }
}

/// The weights of everything that prefers the node, over all advertisements that apply to the Service.
fn preference(applying: &[&L2Advertisement], node: &Node) -> u32 {
    let preferences = applying
        .iter()
        .flat_map(|advertisement| &advertisement.preferences);
    let matching = preferences.filter(|preference| preference.selector.matches(&node.labels));
    matching.fold(0, |sum, preference| sum.saturating_add(preference.weight))
}

/// Every electorate that is needed, each made once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Electorates {
    advertisements: BTreeMap<PoolName, Vec<OfPool>>,
    made: BTreeMap<ElectorateKey, Arc<Electorate>>,
    /// The speakers that are alive; `None` where nobody asks, and all count as alive.
    members: Option<Members>,
    subnets: Subnets,
    /// Subnets that some link is on only since the last renewal, or no more.
    moved_subnets: Vec<IpNet>,
}

/// An advertisement of a pool, and which Services it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OfPool {
    name: AdvertisementName,
    services: Selectors,
}

/// What makes an electorate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ElectorateKey {
    pool: PoolName,
    /// The advertisements that apply, by their place among those of the pool.
    applying: Vec<usize>,
    /// Of the subnets that links are on, those that the address is in.
    subnets: BTreeSet<IpNet>,
}

impl Electorates {
    /// Takes over who is alive, from the next renewal on.
    pub(crate) fn set_members(&mut self, members: Option<Members>) {
        let subnets = Subnets::new(members.as_ref());
        self.moved_subnets.extend(self.subnets.difference(&subnets));
        self.members = members;
        self.subnets = subnets;
    }

    /// Who is alive.
    pub(crate) fn members(&self) -> Option<&Members> {
        self.members.as_ref()
    }

    /// Takes over the configuration and the nodes of `snapshot`, and tells what that has changed. What nobody uses any more
    /// is forgotten, and what is as it was is the same object still.
    pub(crate) fn renew(&mut self, snapshot: &Snapshot) -> Renewals {
        let of_pool = snapshot.config.pools.policies().map(|(pool, policy)| {
            let all = snapshot.config.l2_advertisements.iter();
            let selecting =
                all.filter(|(_, advertisement)| advertisement.pools.selects(pool, &policy.labels));
            let selecting = selecting.map(|(name, advertisement)| OfPool {
                name: name.clone(),
                services: advertisement.services.clone(),
            });
            (pool.clone(), selecting.collect())
        });
        self.advertisements = of_pool.collect();
        let mut renewals = Renewals::new(std::mem::take(&mut self.moved_subnets));
        for (key, before) in std::mem::take(&mut self.made) {
            if Arc::strong_count(&before) == 1 {
                continue;
            }
            let now = self.make(snapshot, &key);
            let now = if now == *before {
                before
            } else {
                let now = Arc::new(now);
                renewals.add(Renewal::new(before, Arc::clone(&now)));
                now
            };
            self.made.insert(key, now);
        }
        renewals
    }

    /// The electorate of a Service, or why no node announces it. The tests are MetalLB's, in its order.
    pub(crate) fn for_subject(
        &mut self,
        subject: &Subject<'_>,
        snapshot: &Snapshot,
    ) -> Result<Arc<Electorate>, Reason> {
        if !subject.endpoints.any_usable() {
            return Err(Reason::NotOwner(NotOwner::NoEndpoints {
                total: subject.endpoints.total(),
            }));
        }
        let of_pool = self
            .advertisements
            .get(subject.pool)
            .map_or(&[][..], Vec::as_slice);
        let labels = &subject.service.labels;
        let selecting = of_pool
            .iter()
            .enumerate()
            .filter(|(_, of_pool)| of_pool.services.match_labels(labels));
        let picky = selecting
            .clone()
            .find(|(_, of_pool)| !of_pool.services.is_empty());
        if let (Some((_, of_pool)), Some(_)) = (picky, &subject.service.sharing_key) {
            return Err(Reason::SharedIpWithServiceSelector {
                advertisement: of_pool.name.clone(),
            });
        }
        let applying: Vec<usize> = selecting.map(|(index, _)| index).collect();
        let first = subject.addresses.first();
        let subnets = first.map(|address| self.subnets.with(*address));
        let key = ElectorateKey {
            pool: subject.pool.clone(),
            applying,
            subnets: subnets.unwrap_or_default(),
        };
        Ok(self.get_or_make(snapshot, key))
    }

    /// The electorate of an address that had another one before the subnets changed that links are on.
    pub(crate) fn moved(
        &mut self,
        snapshot: &Snapshot,
        before: &Electorate,
        address: IpAddr,
    ) -> Arc<Electorate> {
        let key = ElectorateKey {
            subnets: self.subnets.with(address),
            ..before.key.clone()
        };
        self.get_or_make(snapshot, key)
    }

    fn get_or_make(&mut self, snapshot: &Snapshot, key: ElectorateKey) -> Arc<Electorate> {
        if let Some(made) = self.made.get(&key) {
            return Arc::clone(made);
        }
        let made = Arc::new(self.make(snapshot, &key));
        self.made.insert(key, Arc::clone(&made));
        made
    }

    fn make(&self, snapshot: &Snapshot, key: &ElectorateKey) -> Electorate {
        let of_pool = self.advertisements.get(&key.pool);
        let of_pool = of_pool.map_or(&[][..], Vec::as_slice);
        let missing = match (of_pool.is_empty(), key.applying.is_empty()) {
            (true, _) => Missing::Pool,
            (false, true) => Missing::Service,
            (false, false) => Missing::Node,
        };
        let applying = key.applying.iter();
        let named = applying
            .filter_map(|index| of_pool.get(*index))
            .filter_map(|of_pool| snapshot.config.l2_advertisements.get(&of_pool.name));
        let applying: Vec<&L2Advertisement> = named.collect();
        let unselected = Unselected {
            kind: AdvertisementKind::Layer2,
            pool: key.pool.clone(),
            missing,
        };
        let members = self.members.as_ref();
        Electorate::new(key.clone(), unselected, &applying, snapshot, members)
    }
}
