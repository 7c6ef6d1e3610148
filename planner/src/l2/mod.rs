//! Who answers for an address by ARP and NDP.
//!
//! Each address has one owner, elected among the nodes that may announce it. Nothing here depends on the node that
//! computes it, so nodes with equal snapshots agree.

mod electorate;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use election::Candidate;

use self::electorate::{Electorate, Electorates};
use crate::desired::InterfaceSelection;
use crate::eligible::Exclusion;
use crate::names::{NodeName, ServiceKey};
use crate::service::TrafficPolicy;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{L2Announcement, NotOwner, Reason, Verdict};

/// The outcome of all elections.
pub(crate) struct Layer2<'a> {
    contests: BTreeMap<&'a ServiceKey, Contest<'a>>,
    /// Services that no node announces, whatever the election.
    withheld: BTreeMap<&'a ServiceKey, Reason>,
}

/// The election of a Service's owner.
struct Contest<'a> {
    subject: &'a Subject<'a>,
    electorate: Rc<Electorate>,
    owner: Option<NodeName>,
    /// The Services with which it has one owner, itself included, the most senior first; `None` if it shares nothing.
    group: Option<Rc<Vec<&'a ServiceKey>>>,
}

/// The order in which nodes would own an address, and those that would not.
pub(crate) struct Ranking {
    /// Name and preference of each candidate, the owner first.
    pub(crate) ranked: Vec<(NodeName, u32)>,
    /// Why each other node is no candidate.
    pub(crate) excluded: BTreeMap<NodeName, Exclusion>,
}

impl<'a> Layer2<'a> {
    /// Holds every election. `subjects` are in order of seniority.
    pub(crate) fn new(snapshot: &'a Snapshot, subjects: &'a [Subject<'a>]) -> Self {
        let mut electorates = Electorates::new(snapshot);
        let mut layer2 = Self {
            contests: BTreeMap::new(),
            withheld: BTreeMap::new(),
        };
        for subject in subjects {
            match electorates.for_subject(subject) {
                Ok(electorate) => {
                    let contest = Contest {
                        subject,
                        electorate,
                        owner: None,
                        group: None,
                    };
                    layer2.contests.insert(subject.key, contest);
                }
                Err(reason) => {
                    layer2.withheld.insert(subject.key, reason);
                }
            }
        }
        layer2.elect(subjects);
        layer2
    }

    /// What `me` does about a Service that has something to announce.
    pub(crate) fn verdict(&self, subject: &Subject<'_>, me: &NodeName) -> Verdict<L2Announcement> {
        let reason = match self.contests.get(subject.key) {
            Some(contest) => match contest.ask(me) {
                Ok(interfaces) => {
                    let (addresses, interfaces) = (subject.addresses.clone(), interfaces.clone());
                    return Verdict::Announced(L2Announcement {
                        addresses,
                        interfaces,
                    });
                }
                Err(reason) => reason,
            },
            // Whatever has no contest has a reason for it.
            None => self
                .withheld
                .get(subject.key)
                .cloned()
                .unwrap_or(Reason::NotOwner(NotOwner::NoCandidate)),
        };
        Verdict::Withheld(reason)
    }

    /// Who would own a Service in which order; `None` where no election is held.
    pub(crate) fn ranking(&self, key: &ServiceKey) -> Option<Ranking> {
        let contest = self.contests.get(key)?;
        let alone = [contest.subject.key];
        let group = contest.group.as_deref().map_or(&alone[..], Vec::as_slice);
        let leader = group
            .first()
            .and_then(|key| self.contests.get(key))
            .unwrap_or(contest);
        let ranked = election::rank(self.candidates_of(group), &leader.election_key()).into_iter();
        let ranked = ranked
            .map(|one| (NodeName::from(one.name.as_str()), one.preference))
            .collect();
        let mut excluded = contest.electorate.excluded().clone();
        for node in contest
            .electorate
            .candidates()
            .keys()
            .filter(|node| !contest.has_candidate(node))
        {
            excluded.insert(
                node.clone(),
                Exclusion::NoLocalEndpoints(contest.subject.endpoints.on(node)),
            );
        }
        Some(Ranking { ranked, excluded })
    }

    fn elect(&mut self, subjects: &[Subject<'a>]) {
        let mut holders: BTreeMap<IpAddr, Vec<&'a ServiceKey>> = BTreeMap::new();
        for (key, contest) in self
            .contests
            .iter()
            .filter(|(_, contest)| contest.candidates().next().is_some())
        {
            for address in &contest.subject.addresses {
                holders.entry(*address).or_default().push(key);
            }
        }
        for subject in subjects {
            // A group is elected for where its most senior member comes by, and its addresses are taken out.
            let mut group: Vec<&'a ServiceKey> = Vec::new();
            let mut reached = BTreeSet::new();
            let mut addresses = subject.addresses.clone();
            while let Some(address) = addresses.pop() {
                for key in holders.remove(&address).into_iter().flatten() {
                    if reached.insert(key) {
                        group.push(key);
                        addresses.extend(
                            self.contests
                                .get(key)
                                .iter()
                                .flat_map(|other| &other.subject.addresses),
                        );
                    }
                }
            }
            group.sort_by_key(|key| {
                self.contests
                    .get(key)
                    .map(|contest| contest.subject.seniority())
            });
            self.elect_group(group);
        }
    }

    /// Gives one owner to Services that share addresses; mostly there is one Service.
    fn elect_group(&mut self, group: Vec<&'a ServiceKey>) {
        let Some(leader) = group.first().and_then(|key| self.contests.get(key)) else {
            return;
        };
        let owner = election::elect(self.candidates_of(&group), &leader.election_key());
        let owner = owner.map(|candidate| NodeName::from(candidate.name()));
        let shared = (group.len() > 1).then(|| Rc::new(group.clone()));
        for key in group {
            if let Some(contest) = self.contests.get_mut(key) {
                contest.owner.clone_from(&owner);
                contest.group.clone_from(&shared);
            }
        }
    }

    /// The candidates that can serve every member of a group, or else those of the most senior: a newcomer may narrow
    /// the choice, but never takes an address away from who had it first.
    fn candidates_of<'b>(&'b self, group: &[&'a ServiceKey]) -> Vec<&'b Candidate> {
        let mut members = group.iter().filter_map(|key| self.contests.get(key));
        let Some(leader) = members.next() else {
            return Vec::new();
        };
        let others: Vec<_> = members.collect();
        let in_common = |node: &NodeName| others.iter().all(|other| other.has_candidate(node));
        let common = leader.candidates().filter(|(node, _)| in_common(node));
        let common: Vec<_> = common.map(|(_, candidate)| candidate).collect();
        if common.is_empty() {
            leader
                .candidates()
                .map(|(_, candidate)| candidate)
                .collect()
        } else {
            common
        }
    }
}

impl Contest<'_> {
    /// The interfaces to answer on if `me` is the owner, else why it is not.
    fn ask(&self, me: &NodeName) -> Result<&InterfaceSelection, Reason> {
        let interfaces = self.electorate.covers(me)?;
        let not_owner = match &self.owner {
            None => NotOwner::NoCandidate,
            Some(owner) if !self.has_candidate(owner) => NotOwner::OwnerCannotServe {
                owner: owner.clone(),
            },
            Some(owner) if owner != me => NotOwner::Elected {
                owner: owner.clone(),
            },
            Some(_) => return Ok(interfaces),
        };
        Err(Reason::NotOwner(not_owner))
    }

    fn candidates(&self) -> Box<dyn Iterator<Item = (&NodeName, &Candidate)> + '_> {
        let electors = self.electorate.candidates();
        match self.subject.service.traffic_policy {
            TrafficPolicy::Cluster => Box::new(electors.iter()),
            TrafficPolicy::Local => Box::new(
                self.subject
                    .endpoints
                    .usable_nodes()
                    .filter_map(|node| electors.get_key_value(node)),
            ),
        }
    }

    fn has_candidate(&self, node: &NodeName) -> bool {
        self.electorate.candidates().contains_key(node)
            && (self.subject.service.traffic_policy == TrafficPolicy::Cluster
                || self.subject.endpoints.on(node).usable > 0)
    }

    /// MetalLB's: the first address of the status decides for both families.
    fn election_key(&self) -> String {
        self.subject
            .addresses
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}
