//! Who answers for an address by ARP and NDP.
//!
//! Each address has one owner, elected among the nodes that may announce it. Nothing here depends on the node that
//! computes it, so nodes with equal snapshots agree.

mod contest;
mod electorate;
mod rank;
mod renewal;
mod subnets;
mod tier;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use election::Candidate;

use self::contest::Contest;
use self::electorate::Electorates;
use self::renewal::Renewals;
use crate::config::Failback;
use crate::desired::{InterfaceSelection, Tenure};
use crate::eligible::Exclusion;
use crate::members::Members;
use crate::names::{NodeName, ServiceKey};
use crate::service_set::ServiceSet;
use crate::snapshot::Snapshot;
use crate::subject::{Examined, Subject};
use crate::verdict::{L2Announcement, Reason, Verdict};

/// The outcome of all elections, kept up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer2 {
    electorates: Electorates,
    standings: BTreeMap<ServiceKey, Result<Contest, Reason>>,
    /// The Services with nodes that could own them, if alive, by each of their addresses.
    holders: BTreeMap<IpAddr, ServiceSet>,
}

/// What an update has made different.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reached {
    /// The Services whose election was held again, or came out otherwise.
    pub(crate) services: BTreeSet<ServiceKey>,
    /// Whether there are other candidates than before, or better ones, for whatever Service.
    pub(crate) candidates: bool,
    /// The nodes on which advertisements name other interfaces than before, of whatever Service.
    pub(crate) nodes: BTreeSet<NodeName>,
}

/// The order in which nodes would own an address, and those that would not.
pub(crate) struct Ranking {
    /// Name and preference of each candidate, the owner first.
    pub(crate) ranked: Vec<(NodeName, u32)>,
    /// Why each other node is no candidate.
    pub(crate) excluded: BTreeMap<NodeName, Exclusion>,
}

/// Whether the nodes, who of them is alive, and the configuration are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surroundings {
    /// They are.
    Same,
    /// One is not.
    Changed,
}

impl Layer2 {
    /// Holds every election.
    pub(crate) fn new(snapshot: &Snapshot, services: &Examined<'_>) -> Self {
        let mut layer2 = Self::default();
        layer2.update(snapshot, services, Surroundings::Changed);
        layer2
    }

    /// Takes over what has become of Services, and of nodes and configuration where these are not the same. Holds
    /// those elections that come out otherwise for it, or may.
    pub(crate) fn update(
        &mut self,
        snapshot: &Snapshot,
        services: &Examined<'_>,
        surroundings: Surroundings,
    ) -> Reached {
        let mut round = Round::default();
        if surroundings == Surroundings::Changed {
            round.renewals = self.electorates.renew(snapshot);
            round.reached.nodes = round.renewals.covered_otherwise();
            round.reached.candidates = !round.renewals.is_empty();
            self.renew(snapshot, services, &mut round);
        }
        for (key, subject) in services {
            let standing = match subject {
                Some(Ok(subject)) => {
                    let electorate = self.electorates.for_subject(subject, snapshot);
                    Some(electorate.map(|electorate| Contest::new(subject, electorate)))
                }
                Some(Err(_)) | None => None,
            };
            self.replace(key, standing, &mut round);
        }
        while let Some(address) = round.contested.pop_first() {
            if self.elect_alone(&address, &mut round.reached) {
                continue;
            }
            let group = self.group([address]);
            for key in &group {
                let contest = self.contest(key);
                for address in contest.into_iter().flat_map(Contest::addresses) {
                    round.contested.remove(address);
                }
            }
            self.elect(group, &mut round.reached);
        }
        round.reached
    }

    /// Takes over who is alive, from the next update on of surroundings that have changed.
    pub(crate) fn set_members(&mut self, members: Option<Members>) {
        self.electorates.set_members(members);
    }

    /// Who is alive; `None` where nobody asks.
    pub(crate) fn members(&self) -> Option<&Members> {
        self.electorates.members()
    }

    /// What `me`, who has the addresses `held`, does about a Service; `None` for one that has nothing to announce.
    pub(crate) fn verdict(
        &self,
        key: &ServiceKey,
        me: &NodeName,
        held: &BTreeSet<IpAddr>,
    ) -> Option<Verdict<L2Announcement>> {
        let contest = match self.standings.get(key)? {
            Ok(contest) => contest,
            Err(reason) => return Some(Verdict::Withheld(reason.clone())),
        };
        let (owner, tenure) = if self.keeps(key, contest, me, held) {
            (Some(me), Tenure::Kept)
        } else {
            let tenure = match self.leader(key, contest).electorate().failback() {
                Failback::On => Tenure::Owner,
                Failback::Off => Tenure::OwnerIfFree,
            };
            (contest.owner.as_ref(), tenure)
        };
        Some(match contest.ask(me, owner) {
            Ok(interfaces) => Verdict::Announced(L2Announcement {
                addresses: contest.addresses().to_vec(),
                interfaces: interfaces.clone(),
                tenure,
            }),
            Err(reason) => Verdict::Withheld(reason),
        })
    }

    /// The interfaces on which `me` answers for an address that it has no more until the node does that has it now;
    /// `None` if there is none.
    pub(crate) fn handing_over(
        &self,
        address: &IpAddr,
        me: &NodeName,
    ) -> Option<InterfaceSelection> {
        let contests = self.holders(address).filter_map(|key| self.contest(key));
        let has_heir = |contest: &&Contest| match &contest.owner {
            Some(owner) if owner == me => contest.has_candidate_but(me),
            owner => owner.is_some(),
        };
        let interfaces = contests
            .filter(has_heir)
            .filter_map(|contest| contest.electorate().covers(me).ok());
        interfaces.cloned().reduce(InterfaceSelection::union)
    }

    /// Whether advertisements ask that an address stays with who has it.
    pub(crate) fn stays(&self, address: &IpAddr) -> bool {
        let contests = self.holders(address).filter_map(|key| self.contest(key));
        let mut failback = contests.map(|contest| contest.electorate().failback());
        failback.any(|failback| failback == Failback::Off)
    }

    /// The Services that have one owner with this address.
    pub(crate) fn sharing(&self, address: &IpAddr) -> Vec<ServiceKey> {
        self.group([*address])
    }

    /// The Services that hold an address, and that some node could own, if alive.
    pub(crate) fn holders(&self, address: &IpAddr) -> impl Iterator<Item = &ServiceKey> {
        self.holders
            .get(address)
            .into_iter()
            .flat_map(ServiceSet::iter)
    }

    /// Who would own a Service in which order; `None` where no election is held.
    pub(crate) fn ranking(&self, subject: &Subject<'_>) -> Option<Ranking> {
        let contest = self.contest(subject.key)?;
        let mut group = self.group(contest.addresses().iter().copied());
        if group.is_empty() {
            group.push(subject.key.clone());
        }
        let leader = group.first().and_then(|key| self.contest(key))?;
        let ranked = election::rank(self.candidates_of(&group), &leader.election_key()).into_iter();
        let ranked: Vec<_> = ranked
            .map(|one| (NodeName::from(one.name()), one.preference))
            .collect();
        let electorate = contest.electorate();
        let mut excluded = electorate.excluded().clone();
        for (tier, candidate) in electorate.tiers().flat_map(|tier| {
            let candidates = electorate.candidates(tier).iter();
            candidates.map(move |candidate| (tier, candidate))
        }) {
            let node = NodeName::from(candidate.name());
            let claimant = electorate.claimant(&node);
            let is_asked = claimant.is_some_and(|claimant| claimant.is_draining);
            let exclusion = match tier.exclusion() {
                _ if !contest.is_for(candidate.name()) => {
                    let there = subject.endpoints.on(&node);
                    Some(Exclusion::NoLocalEndpoints(there))
                }
                Some(Exclusion::Draining) if !is_asked => Some(Exclusion::Leaving),
                exclusion => exclusion,
            };
            excluded.extend(exclusion.map(|exclusion| (node, exclusion)));
        }
        excluded.retain(|node, _| !ranked.iter().any(|(name, _)| name == node));
        Some(Ranking { ranked, excluded })
    }

    /// Gives the contests of Services that are as they were the electorates that are not.
    fn renew(&mut self, snapshot: &Snapshot, services: &Examined<'_>, round: &mut Round) {
        if round.renewals.is_empty() {
            return;
        }
        let mut stand_anew = Vec::new();
        for (key, standing) in &mut self.standings {
            let Ok(contest) = standing else { continue };
            if services.contains_key(key) {
                continue;
            }
            let before = contest.electorate();
            let address = contest.first_address();
            let moved = address.filter(|address| round.renewals.moves(address));
            let renewal = match moved {
                None => round.renewals.of(before),
                Some(address) => {
                    let now = self.electorates.moved(snapshot, before, address);
                    round.renewals.by_move(before, &now)
                }
            };
            let Some(renewal) = renewal else { continue };
            if renewal.passes_by(contest) {
                contest.move_to(renewal.now());
                continue;
            }
            let next = contest.with_electorate(renewal.now().clone());
            match renewal.successor(contest, &next) {
                Some(owner) => {
                    if contest.owner.as_ref() != Some(&owner) {
                        round.reached.services.insert(key.clone());
                    }
                    *contest = next.elected(owner);
                }
                None => stand_anew.push((key.clone(), next)),
            }
        }
        for (key, contest) in stand_anew {
            self.replace(&key, Some(Ok(contest)), round);
            round.reached.services.insert(key);
        }
    }

    /// Puts another standing in place of that of a Service. Where nothing matters that is different its owner stays;
    /// else its addresses, those before and those now, have to be elected for.
    fn replace(
        &mut self,
        key: &ServiceKey,
        standing: Option<Result<Contest, Reason>>,
        round: &mut Round,
    ) {
        let before = match self.standings.remove(key) {
            Some(Ok(contest)) => Some(contest),
            Some(Err(_)) | None => None,
        };
        let Some(Ok(mut now)) = standing else {
            self.leave(key, before, round);
            if let Some(withheld) = standing {
                self.standings.insert(key.clone(), withheld);
            }
            return;
        };
        if let Some(before) = &before {
            let renewal = round
                .renewals
                .between(before.electorate(), now.electorate());
            if before.is_same_race(&now) {
                now.owner.clone_from(&before.owner);
                now.is_open = before.is_open;
                self.standings.insert(key.clone(), Ok(now));
                return;
            }
            if let Some(owner) = renewal.and_then(|renewal| renewal.successor(before, &now)) {
                self.standings.insert(key.clone(), Ok(now.elected(owner)));
                return;
            }
        }
        self.leave(key, before, round);
        (now.owner, now.is_open) = (None, false);
        if now.has_claimants() {
            for address in now.addresses() {
                self.holders
                    .entry(*address)
                    .or_default()
                    .insert(key.clone());
                round.contested.insert(*address);
            }
        }
        self.standings.insert(key.clone(), Ok(now));
    }

    fn leave(&mut self, key: &ServiceKey, contest: Option<Contest>, round: &mut Round) {
        for address in contest.iter().flat_map(Contest::addresses) {
            if let Some(holders) = self.holders.get_mut(address) {
                holders.remove(key);
                if holders.is_empty() {
                    self.holders.remove(address);
                } else {
                    round.contested.insert(*address);
                }
            }
        }
    }

    /// Whether `me` stays the owner of a Service though another node would be: advertisements ask for that, it has the
    /// address that decides, and none is more able.
    fn keeps(
        &self,
        key: &ServiceKey,
        contest: &Contest,
        me: &NodeName,
        held: &BTreeSet<IpAddr>,
    ) -> bool {
        if held.is_empty() || contest.owner.as_ref().is_none_or(|owner| owner == me) {
            return false;
        }
        let leader = self.leader(key, contest);
        let has = leader
            .first_address()
            .is_some_and(|address| held.contains(&address));
        if !has || leader.electorate().failback() == Failback::On {
            return false;
        }
        let group = self.group(contest.addresses().iter().copied());
        let candidates = self.candidates_of(&group);
        let mut names = candidates.iter().map(|candidate| candidate.name());
        names.any(|name| name == me.as_str())
    }

    /// The contest of the most senior of those with whom a Service has one owner: its own, mostly.
    fn leader<'b>(&'b self, key: &ServiceKey, contest: &'b Contest) -> &'b Contest {
        let is_own = |address| {
            let holders = self.holders.get(address);
            holders.is_none_or(|holders| holders.only() == Some(key))
        };
        if contest.addresses().iter().all(is_own) {
            return contest;
        }
        let group = self.group(contest.addresses().iter().copied());
        let leader = group.first().and_then(|key| self.contest(key));
        leader.unwrap_or(contest)
    }

    fn contest(&self, key: &ServiceKey) -> Option<&Contest> {
        self.standings.get(key)?.as_ref().ok()
    }

    fn seniority<'b>(&'b self, key: &'b ServiceKey) -> (Option<Duration>, &'b ServiceKey) {
        (self.contest(key).map(Contest::created), key)
    }

    /// The Services that have one owner with those that hold these addresses: they have candidates, and share addresses
    /// with one another, if only by way of a third. The most senior first; mostly there is one.
    fn group(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<ServiceKey> {
        self.group_of(addresses, Contest::has_candidates)
    }

    /// The same of the Services that `take_part`.
    fn group_of(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
        take_part: impl Fn(&Contest) -> bool,
    ) -> Vec<ServiceKey> {
        let mut addresses: Vec<IpAddr> = addresses.into_iter().collect();
        let mut group: Vec<ServiceKey> = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(address) = addresses.pop() {
            if !seen.insert(address) {
                continue;
            }
            for key in self.holders(&address) {
                let contest = self.contest(key).filter(|contest| take_part(contest));
                if let Some(contest) = contest
                    && !group.contains(key)
                {
                    group.push(key.clone());
                    addresses.extend(contest.addresses());
                }
            }
        }
        group.sort_by(|one, other| self.seniority(one).cmp(&self.seniority(other)));
        group
    }

    /// Elects for a Service that shares none of its addresses, as nearly all. Whether the address is of such a one.
    fn elect_alone(&mut self, address: &IpAddr, reached: &mut Reached) -> bool {
        let Some(key) = self.holders.get(address).and_then(ServiceSet::only) else {
            return false;
        };
        let Some(Ok(contest)) = self.standings.get_mut(key) else {
            return false;
        };
        let mut addresses = contest.addresses().iter();
        if !addresses.all(|address| {
            self.holders
                .get(address)
                .is_some_and(|holders| holders.len() == 1)
        }) {
            return false;
        }
        contest.owner = contest.elect_alone();
        contest.is_open = contest.is_for_all();
        reached.services.insert(key.clone());
        true
    }

    /// Gives one owner to a group of Services.
    fn elect(&mut self, group: Vec<ServiceKey>, reached: &mut Reached) {
        let Some(leader) = group.first().and_then(|key| self.contest(key)) else {
            return;
        };
        let owner = election::elect(self.candidates_of(&group), &leader.election_key());
        let owner = owner.map(|candidate| NodeName::from(candidate.name()));
        let is_alone = group.len() == 1;
        for key in group {
            if let Some(Ok(contest)) = self.standings.get_mut(&key) {
                contest.is_open = is_alone && contest.is_for_all();
                contest.owner.clone_from(&owner);
                reached.services.insert(key);
            }
        }
    }

    /// The candidates that can serve every member of a group, or else those of the most senior: a newcomer may narrow
    /// the choice, but never takes an address away from who had it first. All are of one tier: the lowest where it has any.
    fn candidates_of<'b>(&'b self, group: &[ServiceKey]) -> Vec<&'b Candidate> {
        let mut members = group.iter().filter_map(|key| self.contest(key));
        let Some(leader) = members.next() else {
            return Vec::new();
        };
        let others: Vec<_> = members.collect();
        let tiers = leader.electorate().tiers();
        let mut tiers = tiers.map(|tier| leader.candidates(tier).collect::<Vec<_>>());
        let own = tiers.find(|tier| !tier.is_empty()).unwrap_or_default();
        let in_common = |candidate: &&&Candidate| {
            let may_own = |other: &&Contest| other.candidate(candidate.name()).is_some();
            others.iter().all(may_own)
        };
        if others.is_empty() {
            return own;
        }
        let common: Vec<_> = own.iter().filter(in_common).copied().collect();
        if common.is_empty() { own } else { common }
    }
}

/// What an update has come upon.
#[derive(Default)]
struct Round {
    renewals: Renewals,
    /// Addresses whose owner is to be elected.
    contested: BTreeSet<IpAddr>,
    reached: Reached,
}
