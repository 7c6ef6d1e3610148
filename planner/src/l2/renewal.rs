//! How electorates have changed, and what that means for who was elected from them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use election::Candidate;
use ipnet::IpNet;

use super::contest::Contest;
use super::electorate::Electorate;
use super::tier::Tier;
use crate::diff::{Change, diff};
use crate::names::NodeName;

/// Electorates that have changed.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    renewals: Vec<Renewal>,
    /// Subnets that some link is on only now, or no more: addresses in them have another electorate.
    moved_subnets: Vec<IpNet>,
}

impl Renewals {
    /// None yet.
    pub(super) fn new(moved_subnets: Vec<IpNet>) -> Self {
        Self {
            renewals: Vec::new(),
            moved_subnets,
        }
    }

    /// Adds an electorate that has changed.
    pub(super) fn add(&mut self, renewal: Renewal) {
        self.renewals.push(renewal);
    }

    /// Whether all is as it was.
    pub(crate) fn is_empty(&self) -> bool {
        self.renewals.is_empty() && self.moved_subnets.is_empty()
    }

    /// Whether an address may have another electorate than before.
    pub(crate) fn moves(&self, address: &IpAddr) -> bool {
        let mut moved = self.moved_subnets.iter();
        moved.any(|subnet| subnet.contains(address))
    }

    /// What has become of an electorate, if it has changed.
    pub(crate) fn of(&self, before: &Arc<Electorate>) -> Option<&Renewal> {
        let mut all = self.renewals.iter();
        all.find(|renewal| Arc::ptr_eq(&renewal.before, before) && !renewal.is_move())
    }

    /// How one electorate became the other, if it did.
    pub(crate) fn between(
        &self,
        before: &Arc<Electorate>,
        now: &Arc<Electorate>,
    ) -> Option<&Renewal> {
        let mut all = self.renewals.iter();
        all.find(|renewal| Arc::ptr_eq(&renewal.before, before) && Arc::ptr_eq(&renewal.now, now))
    }

    /// How the electorate of an address became the other one that it has now; `None` if it is the same.
    pub(crate) fn by_move(
        &mut self,
        before: &Arc<Electorate>,
        now: &Arc<Electorate>,
    ) -> Option<&Renewal> {
        if Arc::ptr_eq(before, now) {
            return None;
        }
        if self.between(before, now).is_none() {
            self.add(Renewal::new(Arc::clone(before), Arc::clone(now)));
        }
        self.between(before, now)
    }

    /// The nodes on which other interfaces are named than before.
    pub(crate) fn covered_otherwise(&self) -> BTreeSet<NodeName> {
        let changes = self.renewals.iter().flat_map(|renewal| {
            let covered = diff(renewal.before.covered(), renewal.now.covered());
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
    pub(super) fn new(before: Arc<Electorate>, now: Arc<Electorate>) -> Self {
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

    /// Whether the two are for addresses in other subnets.
    fn is_move(&self) -> bool {
        !self.before.has_key_of(&self.now)
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
    let tiers: BTreeSet<Tier> = before.tiers().chain(now.tiers()).collect();
    let tiers = tiers.into_iter().flat_map(|tier| {
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
