//! Whose claim counts when two nodes say that they own an address.

use std::net::IpAddr;

use election::Candidate;

use super::Layer2;
use super::contest::Contest;
use crate::names::NodeName;

impl Layer2 {
    /// Whether of two nodes that both claim an address it is `one` that shall have it.
    ///
    /// Only what all nodes are told alike decides, and neither who is alive nor the state of links, about which the two may
    /// well be of different minds: so they agree, and one yields. Nodes that drain are last. Who could not own the
    /// address at all outranks nobody.
    pub(crate) fn outranks(&self, address: &IpAddr, one: &NodeName, other: &NodeName) -> bool {
        let group = self.group_of([*address], Contest::has_claimants);
        let contests: Vec<&Contest> = group.iter().filter_map(|key| self.contest(key)).collect();
        let (Some(mine), Some(leader)) = (Claim::of(one, &contests), contests.first()) else {
            return false;
        };
        let Some(its) = Claim::of(other, &contests) else {
            return true;
        };
        if mine.weakness != its.weakness {
            return mine.weakness < its.weakness;
        }
        let both = [mine.candidate, its.candidate];
        let elected = election::elect(both, &leader.election_key());
        one != other && elected == Some(mine.candidate)
    }
}

/// What a node could say for owning an address.
struct Claim<'a> {
    weakness: Weakness,
    candidate: &'a Candidate,
}

/// What speaks against a claim, in the order in which an election asks: the less, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weakness {
    /// How many of the Services that share the address it cannot serve that are senior to the first that it can.
    seniors: usize,
    is_draining: bool,
    /// Whether it cannot serve some of them.
    is_partial: bool,
}

impl<'a> Claim<'a> {
    /// `None` for a node that could not own the address at all. The most senior Service is the first.
    fn of(node: &NodeName, contests: &[&'a Contest]) -> Option<Self> {
        let claimants = contests.iter().map(|contest| contest.claimant(node));
        let is_partial = claimants.clone().any(|claimant| claimant.is_none());
        let mut places = claimants.enumerate();
        let served = places.find_map(|(place, claimant)| Some((place, claimant?)));
        let (seniors, claimant) = served?;
        Some(Self {
            weakness: Weakness {
                seniors,
                is_draining: claimant.is_draining,
                is_partial,
            },
            candidate: &claimant.candidate,
        })
    }
}
