//! Whose claim counts when two nodes say that they own an address.

use std::net::IpAddr;

use election::Candidate;

use super::Layer2;
use crate::names::{NodeName, ServiceKey};

impl Layer2 {
    /// Whether of two nodes that both claim an address it is `one` that shall have it.
    ///
    /// Only what all nodes are told alike decides, and neither who is alive nor the state of links, about which the two may
    /// well be of different minds: so they agree, and one yields. Nodes that drain are last, and behind them those
    /// that could not own the address at all. No claim to an address without candidates counts.
    pub(crate) fn outranks(&self, address: &IpAddr, one: &NodeName, other: &NodeName) -> bool {
        let group = self.group([*address]);
        let Some(leader) = group.first().and_then(|key| self.contest(key)) else {
            return false;
        };
        let (mine, its) = (self.drawback(&group, one), self.drawback(&group, other));
        if mine != its {
            return mine < its;
        }
        let candidate = |node: &NodeName| {
            let claimant = leader.electorate().claimant(node);
            claimant.map_or_else(
                || Candidate::new(node.as_str(), 0),
                |claimant| claimant.candidate.clone(),
            )
        };
        let both = [candidate(one), candidate(other)];
        let elected = election::elect(&both, &leader.election_key());
        elected.is_some_and(|elected| elected.name() == one.as_str() && one != other)
    }

    /// What speaks against a claim of `node`, in the order in which an election asks.
    fn drawback(&self, group: &[ServiceKey], node: &NodeName) -> Drawback {
        let mut contests = group.iter().filter_map(|key| self.contest(key));
        let Some(claimant) = contests.next().and_then(|leader| leader.claimant(node)) else {
            return Drawback::NoClaimant;
        };
        let serves_all = contests.all(|contest| contest.claimant(node).is_some());
        match (claimant.is_draining, serves_all) {
            (false, true) => Drawback::None,
            (false, false) => Drawback::ServesSome,
            (true, true) => Drawback::Drains,
            (true, false) => Drawback::DrainsAndServesSome,
        }
    }
}

/// What speaks against a claim to an address: the more, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Drawback {
    None,
    /// It cannot serve all Services that share the address.
    ServesSome,
    Drains,
    DrainsAndServesSome,
    NoClaimant,
}
