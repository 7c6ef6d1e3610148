//! Who may own an address: nodes that an L2Advertisement selects and that are fit to announce.

use std::collections::BTreeMap;
use std::rc::Rc;

use election::Candidate;
use ipam::PoolName;

use crate::config::L2Advertisement;
use crate::desired::InterfaceSelection;
use crate::eligible::{Exclusion, fitness};
use crate::names::{AdvertisementName, NodeName};
use crate::node::Node;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{AdvertisementKind, Missing, NotOwner, Reason, Unselected};

/// The nodes for the addresses of one pool to which the same advertisements apply.
pub(crate) struct Electorate {
    unselected: Unselected,
    covered: BTreeMap<NodeName, InterfaceSelection>,
    candidates: BTreeMap<NodeName, Candidate>,
    excluded: BTreeMap<NodeName, Exclusion>,
}

impl Electorate {
    /// The interfaces that advertisements name on `node`.
    pub(crate) fn covers(&self, node: &NodeName) -> Result<&InterfaceSelection, Reason> {
        let no_match = || Reason::NoMatchingAdvertisement(self.unselected.clone());
        self.covered.get(node).ok_or_else(no_match)
    }

    /// The nodes that may own the addresses, if they have endpoints where they must.
    pub(crate) fn candidates(&self) -> &BTreeMap<NodeName, Candidate> {
        &self.candidates
    }

    /// Why each other node may not.
    pub(crate) fn excluded(&self) -> &BTreeMap<NodeName, Exclusion> {
        &self.excluded
    }

    fn new(unselected: Unselected, applying: &[Named<'_>], snapshot: &Snapshot) -> Self {
        let mut electorate = Self {
            unselected,
            covered: BTreeMap::new(),
            candidates: BTreeMap::new(),
            excluded: BTreeMap::new(),
        };
        for (name, node) in &snapshot.nodes {
            let covering = applying
                .iter()
                .filter(|(_, advertisement)| advertisement.nodes.match_labels(&node.labels));
            let interfaces = covering.map(|(_, advertisement)| named_interfaces(advertisement));
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
                    electorate.candidates.insert(name.clone(), candidate);
                }
                Err(unfit) => {
                    electorate.excluded.insert(name.clone(), unfit.into());
                }
            }
        }
        electorate
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
fn preference(applying: &[Named<'_>], node: &Node) -> u32 {
    let preferences = applying
        .iter()
        .flat_map(|(_, advertisement)| &advertisement.preferences);
    let matching = preferences.filter(|preference| preference.selector.matches(&node.labels));
    matching.fold(0, |sum, preference| sum.saturating_add(preference.weight))
}

type Named<'a> = (&'a AdvertisementName, &'a L2Advertisement);

/// Every electorate that is needed, each made once.
pub(crate) struct Electorates<'a> {
    snapshot: &'a Snapshot,
    advertisements: BTreeMap<&'a PoolName, Vec<Named<'a>>>,
    made: BTreeMap<(&'a PoolName, Vec<&'a AdvertisementName>), Rc<Electorate>>,
}

impl<'a> Electorates<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let of_pool = snapshot.config.pools.policies().map(|(pool, policy)| {
            let all = snapshot.config.l2_advertisements.iter();
            (
                pool,
                all.filter(|(_, advertisement)| advertisement.pools.selects(pool, &policy.labels))
                    .collect(),
            )
        });
        Self {
            snapshot,
            advertisements: of_pool.collect(),
            made: BTreeMap::new(),
        }
    }

    /// The electorate of a Service, or why no node announces it. The tests are MetalLB's, in its order.
    pub(crate) fn for_subject(&mut self, subject: &Subject<'a>) -> Result<Rc<Electorate>, Reason> {
        if !subject.endpoints.any_usable() {
            return Err(Reason::NotOwner(NotOwner::NoEndpoints {
                total: subject.endpoints.total(),
            }));
        }
        let of_pool = self
            .advertisements
            .get(subject.pool)
            .map_or(&[][..], Vec::as_slice);
        let selecting = of_pool.iter().filter(|(_, advertisement)| {
            advertisement.services.match_labels(&subject.service.labels)
        });
        let applying: Vec<Named<'a>> = selecting.copied().collect();
        let picky = applying
            .iter()
            .find(|(_, advertisement)| !advertisement.services.is_empty());
        if let (Some((name, _)), Some(_)) = (picky, &subject.service.sharing_key) {
            return Err(Reason::SharedIpWithServiceSelector {
                advertisement: (*name).clone(),
            });
        }
        let missing = match (of_pool.is_empty(), applying.is_empty()) {
            (true, _) => Missing::Pool,
            (false, true) => Missing::Service,
            (false, false) => Missing::Node,
        };
        let unselected = Unselected {
            kind: AdvertisementKind::Layer2,
            pool: subject.pool.clone(),
            missing,
        };
        let key = (
            subject.pool,
            applying.iter().map(|(name, _)| *name).collect(),
        );
        let make = || Rc::new(Electorate::new(unselected, &applying, self.snapshot));
        Ok(Rc::clone(self.made.entry(key).or_insert_with(make)))
    }
}
