//! BGPPolicy.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_wire::{Community, LargeCommunity};
use ipam::Family;

use crate::names::PeerName;
use crate::selector::Selectors;

/// A BGPPolicy: what becomes of the routes of certain Services on their way from certain nodes to certain peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpPolicy {
    /// `priority`: of several policies for one route that with the higher one has the last word.
    pub priority: i32,
    /// `serviceSelectors`.
    pub services: Selectors,
    /// `nodeSelectors`.
    pub nodes: Selectors,
    /// `peers`; empty: all.
    pub peers: BTreeSet<PeerName>,
    /// What it changes.
    pub changes: RouteChanges,
}

impl BgpPolicy {
    /// Whether routes to `peer` are its business.
    #[must_use]
    pub fn names_peer(&self, peer: &PeerName) -> bool {
        self.peers.is_empty() || self.peers.contains(peer)
    }
}

/// What policies make of a route. Whatever is absent is left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteChanges {
    /// `advertise`.
    pub advertise: Option<Advertise>,
    /// `asPathPrepend`: how many times more than usual our own AS is in AS_PATH, towards external peers only.
    pub as_path_prepend: Option<u8>,
    /// `med`: MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// `localPref`: LOCAL_PREF, towards internal peers only.
    pub local_pref: Option<u32>,
    /// `communities`.
    pub communities: CommunityChanges,
    /// `nextHop.ipv4`: NEXT_HOP of IPv4 routes.
    pub next_hop_ipv4: Option<NextHop<Ipv4Addr>>,
    /// `nextHop.ipv6`: the next hop of IPv6 routes.
    pub next_hop_ipv6: Option<NextHop<Ipv6Addr>>,
}

impl RouteChanges {
    /// Makes these changes what comes of them and then of `later` ones: field by field the later one counts, and
    /// communities add up.
    pub fn then(&mut self, later: &Self) {
        fn replace<T: Copy>(field: &mut Option<T>, later: Option<T>) {
            *field = later.or(*field);
        }
        replace(&mut self.advertise, later.advertise);
        replace(&mut self.as_path_prepend, later.as_path_prepend);
        replace(&mut self.med, later.med);
        replace(&mut self.local_pref, later.local_pref);
        replace(&mut self.next_hop_ipv4, later.next_hop_ipv4);
        replace(&mut self.next_hop_ipv6, later.next_hop_ipv6);
        self.communities.then(&later.communities);
    }

    /// The next hop that is given for routes of `family`; `None`: the node's own address.
    #[must_use]
    pub fn next_hop(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.next_hop_ipv4?.given().map(IpAddr::V4),
            Family::V6 => self.next_hop_ipv6?.given().map(IpAddr::V6),
        }
    }
}

/// `advertise` of a BGPPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advertise {
    /// The routes go to the peers.
    Yes,
    /// They do not.
    No,
}

/// An entry of `nextHop` of a BGPPolicy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextHop<A> {
    /// `self`: the node's own address, as without a policy.
    Own,
    /// This address.
    Given(A),
}

impl<A> NextHop<A> {
    fn given(self) -> Option<A> {
        match self {
            Self::Own => None,
            Self::Given(address) => Some(address),
        }
    }
}

/// `communities` of a BGPPolicy, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommunityChanges {
    /// What becomes of those that the route has already.
    pub others: OtherCommunities,
    /// Those that it gets (RFC 1997).
    pub communities: BTreeSet<Community>,
    /// The large ones that it gets (RFC 8092).
    pub large_communities: BTreeSet<LargeCommunity>,
}

/// What becomes of communities that a policy does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherCommunities {
    /// `communities.add`: they stay.
    #[default]
    Kept,
    /// `communities.replace`: they go.
    Dropped,
}

impl CommunityChanges {
    /// Makes these changes to the communities of a route.
    pub fn apply(
        &self,
        communities: &mut BTreeSet<Community>,
        large_communities: &mut BTreeSet<LargeCommunity>,
    ) {
        if self.others == OtherCommunities::Dropped {
            communities.clear();
            large_communities.clear();
        }
        communities.extend(&self.communities);
        large_communities.extend(&self.large_communities);
    }

    fn then(&mut self, later: &Self) {
        later.apply(&mut self.communities, &mut self.large_communities);
        if later.others == OtherCommunities::Dropped {
            self.others = OtherCommunities::Dropped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(others: OtherCommunities, communities: &[u32]) -> RouteChanges {
        RouteChanges {
            communities: CommunityChanges {
                others,
                communities: communities.iter().copied().map(Community).collect(),
                ..CommunityChanges::default()
            },
            ..RouteChanges::default()
        }
    }

    fn applied(changes: &[&RouteChanges], to: &[u32]) -> Vec<u32> {
        let mut communities = to.iter().copied().map(Community).collect();
        for change in changes {
            let mut large = BTreeSet::new();
            change.communities.apply(&mut communities, &mut large);
        }
        communities
            .into_iter()
            .map(|community| community.0)
            .collect()
    }

    #[test]
    fn changes_put_together_do_what_they_do_one_after_the_other() {
        let kinds = [
            changes(OtherCommunities::Kept, &[1]),
            changes(OtherCommunities::Dropped, &[2]),
            changes(OtherCommunities::Kept, &[3]),
            changes(OtherCommunities::Dropped, &[]),
        ];
        for one in &kinds {
            for other in &kinds {
                let mut both = one.clone();
                both.then(other);
                assert_eq!(
                    applied(&[&both], &[9]),
                    applied(&[one, other], &[9]),
                    "{one:?} then {other:?}"
                );
            }
        }
    }

    #[test]
    fn field_by_field_the_later_change_counts() {
        let mut changes = RouteChanges {
            med: Some(1),
            as_path_prepend: Some(2),
            advertise: Some(Advertise::No),
            next_hop_ipv4: Some(NextHop::Given(Ipv4Addr::new(192, 0, 2, 1))),
            ..RouteChanges::default()
        };
        changes.then(&RouteChanges {
            med: Some(0),
            local_pref: Some(7),
            advertise: Some(Advertise::Yes),
            next_hop_ipv4: Some(NextHop::Own),
            ..RouteChanges::default()
        });
        assert_eq!(changes.med, Some(0));
        assert_eq!(changes.as_path_prepend, Some(2));
        assert_eq!(changes.local_pref, Some(7));
        assert_eq!(changes.advertise, Some(Advertise::Yes));
        assert_eq!(changes.next_hop(Family::V4), None);
    }
}
