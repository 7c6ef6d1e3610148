//! Who may own an address: nodes that an L2Advertisement selects and that are fit to announce.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use election::Candidate;
use ipam::PoolName;

use super::contest::Contest;
use crate::config::L2Advertisement;
use crate::desired::InterfaceSelection;
use crate::diff::{Change, diff};
use crate::eligible::{Exclusion, fitness};
use crate::names::{AdvertisementName, NodeName};
use crate::node::Node;
use crate::selector::Selectors;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{AdvertisementKind, Missing, NotOwner, Reason, Unselected};

/// The nodes for the addresses of one pool to which the same advertisements apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Electorate {
    unselected: Unselected,
    covered: BTreeMap<NodeName, InterfaceSelection>,
    /// The nodes that may own the addresses, in the order of their names.
    candidates: Vec<Candidate>,
    /// Those that drain: they may where no other does.
    draining: Vec<Candidate>,
    excluded: BTreeMap<NodeName, Exclusion>,
}

impl Electorate {
    /// The interfaces that advertisements name on `node`.
    pub(crate) fn covers(&self, node: &NodeName) -> Result<&InterfaceSelection, Reason> {
        let no_match = || Reason::NoMatchingAdvertisement(self.unselected.clone());
        self.covered.get(node).ok_or_else(no_match)
    }

    /// The nodes that may own the addresses, if they have endpoints where they must.
    pub(crate) fn candidates(&self, tier: Tier) -> &[Candidate] {
        match tier {
            Tier::Staying => &self.candidates,
            Tier::Draining => &self.draining,
        }
    }

    /// Those who can win an election that is open to all.
    pub(super) fn eligible(&self) -> &[Candidate] {
        let tiers = Tier::ALL.into_iter().map(|tier| self.candidates(tier));
        tiers
            .into_iter()
            .find(|tier| !tier.is_empty())
            .unwrap_or_default()
    }

    /// The candidate of this name.
    pub(crate) fn candidate(&self, tier: Tier, name: &str) -> Option<&Candidate> {
        let candidates = self.candidates(tier);
        let found = candidates.binary_search_by(|candidate| candidate.name().cmp(name));
        candidates.get(found.ok()?)
    }

    /// Why each node may not that is in no tier.
    pub(crate) fn excluded(&self) -> &BTreeMap<NodeName, Exclusion> {
        &self.excluded
    }

    fn new(unselected: Unselected, applying: &[&L2Advertisement], snapshot: &Snapshot) -> Self {
        let mut electorate = Self {
            unselected,
            covered: BTreeMap::new(),
            candidates: Vec::new(),
            draining: Vec::new(),
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
                    let candidate = Candidate::new(name.as_str(), preference(applying, node));
                    let tier = if node.is_draining {
                        &mut electorate.draining
                    } else {
                        &mut electorate.candidates
                    };
                    tier.push(candidate);
                }
                Err(unfit) => {
                    electorate.excluded.insert(name.clone(), unfit.into());
                }
            }
        }
        electorate
    }
}

/// Which candidates are asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Those that stay.
    Staying,
    /// Those that drain, where none stays.
    Draining,
}

impl Tier {
    /// In the order in which they are asked.
    pub(crate) const ALL: [Self; 2] = [Self::Staying, Self::Draining];
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
}

/// An advertisement of a pool, and which Services it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OfPool {
    name: AdvertisementName,
    services: Selectors,
}

/// What makes an electorate: a pool, and the advertisements that apply, by their place among those of the pool.
type ElectorateKey = (PoolName, Vec<usize>);

impl Electorates {
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
        let mut renewals = Renewals::default();
        for ((pool, applying), before) in std::mem::take(&mut self.made) {
            if Arc::strong_count(&before) == 1 {
                continue;
            }
            let now = self.make(snapshot, &pool, &applying);
            let now = if now == *before {
                before
            } else {
                let now = Arc::new(now);
                renewals.0.push(Renewal::new(before, Arc::clone(&now)));
                now
            };
            self.made.insert((pool, applying), now);
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
        let key = (subject.pool.clone(), applying);
        if let Some(made) = self.made.get(&key) {
            return Ok(Arc::clone(made));
        }
        let made = Arc::new(self.make(snapshot, subject.pool, &key.1));
        self.made.insert(key, Arc::clone(&made));
        Ok(made)
    }

    fn make(&self, snapshot: &Snapshot, pool: &PoolName, applying: &[usize]) -> Electorate {
        let of_pool = self.advertisements.get(pool).map_or(&[][..], Vec::as_slice);
        let missing = match (of_pool.is_empty(), applying.is_empty()) {
            (true, _) => Missing::Pool,
            (false, true) => Missing::Service,
            (false, false) => Missing::Node,
        };
        let named = applying
            .iter()
            .filter_map(|index| of_pool.get(*index))
            .filter_map(|of_pool| snapshot.config.l2_advertisements.get(&of_pool.name));
        let applying: Vec<&L2Advertisement> = named.collect();
        let unselected = Unselected {
            kind: AdvertisementKind::Layer2,
            pool: pool.clone(),
            missing,
        };
        Electorate::new(unselected, &applying, snapshot)
    }
}

/// Electorates that have changed.
#[derive(Debug, Default)]
pub(crate) struct Renewals(Vec<Renewal>);

impl Renewals {
    /// Whether none has changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has become of an electorate, if it has changed.
    pub(crate) fn of(&self, before: &Arc<Electorate>) -> Option<&Renewal> {
        let mut all = self.0.iter();
        all.find(|renewal| Arc::ptr_eq(&renewal.before, before))
    }

    /// How one electorate became the other, if it did.
    pub(crate) fn between(
        &self,
        before: &Arc<Electorate>,
        now: &Arc<Electorate>,
    ) -> Option<&Renewal> {
        let renewal = self.of(before)?;
        Arc::ptr_eq(&renewal.now, now).then_some(renewal)
    }

    /// The nodes on which other interfaces are named than before.
    pub(crate) fn covered_otherwise(&self) -> BTreeSet<NodeName> {
        let changes = self.0.iter().flat_map(|renewal| {
            let covered = diff(&renewal.before.covered, &renewal.now.covered);
            covered.map(
                |(Change::Add(node, _) | Change::Update(node, _) | Change::Remove(node, _))| node,
            )
        });
        changes.cloned().collect()
    }
}

/// How an electorate has changed.
#[derive(Debug)]
pub(crate) struct Renewal {
    before: Arc<Electorate>,
    now: Arc<Electorate>,
    /// Those who could win and cannot any more, or not as they could.
    gone: BTreeSet<NodeName>,
    /// Those who can win now and could not, or not as they can.
    come: Vec<Candidate>,
    /// Those who are candidates of another tier or preference than before, or are none any more, or were none.
    touched: BTreeSet<NodeName>,
}

impl Renewal {
    fn new(before: Arc<Electorate>, now: Arc<Electorate>) -> Self {
        let (were, are) = (before.eligible(), now.eligible());
        let (lost, won) = (without(were, are), without(are, were));
        Self {
            gone: lost.map(|candidate| candidate.name().into()).collect(),
            come: won.cloned().collect(),
            touched: touched(&before, &now),
            before,
            now,
        }
    }

    /// The electorate as it is.
    pub(crate) fn now(&self) -> &Arc<Electorate> {
        &self.now
    }

    /// Whether the Service is elected for among nodes of its own, and what has changed is about others.
    pub(crate) fn passes_by(&self, contest: &Contest) -> bool {
        let nodes = contest.local();
        nodes.is_some_and(|nodes| !nodes.iter().any(|node| self.touched.contains(node)))
    }

    /// The owner of a Service whose election is no other for the rest, without hashing every name anew: `None` where one
    /// has to be held.
    pub(crate) fn successor(&self, before: &Contest, now: &Contest) -> Option<NodeName> {
        if !before.is_open || !now.is_for_all() || !before.has_same_terms(now) {
            return None;
        }
        let owner = before.owner.as_ref()?;
        if self.gone.contains(owner) {
            let elected = election::elect(self.now.eligible(), &now.election_key())?;
            return Some(elected.name().into());
        }
        if self.come.is_empty() {
            return Some(owner.clone());
        }
        let incumbent = now.candidate(owner.as_str())?;
        let rivals = self.come.iter().chain([incumbent]);
        let elected = election::elect(rivals, &now.election_key())?;
        Some(elected.name().into())
    }
}

fn touched(before: &Electorate, now: &Electorate) -> BTreeSet<NodeName> {
    let tiers = Tier::ALL.into_iter().flat_map(|tier| {
        let (were, are) = (before.candidates(tier), now.candidates(tier));
        let (lost, won) = (without(were, are), without(are, were));
        lost.chain(won)
    });
    tiers.map(|candidate| candidate.name().into()).collect()
}

/// The candidates that are not among the `others` as they are here. Both are sorted.
fn without<'a>(
    candidates: &'a [Candidate],
    others: &'a [Candidate],
) -> impl Iterator<Item = &'a Candidate> {
    let is_other = |candidate: &&Candidate| others.binary_search(candidate).is_err();
    candidates.iter().filter(is_other)
}
