//! BGPAdvertisement and L2Advertisement.

use std::collections::BTreeSet;

use bgp_wire::{Community, LargeCommunity};
use ipam::{Family, PoolName};

use crate::family::Families;
use crate::names::{Interface, PeerName};
use crate::selector::{Labels, Selector, Selectors};

/// A BGPAdvertisement, with its communities resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpAdvertisement {
    /// `ipAddressPools` and `ipAddressPoolSelectors`.
    pub pools: PoolSelection,
    /// `aggregationLength` and `aggregationLengthV6`.
    pub aggregation: AggregationLengths,
    /// `localPref`; 0 is what it is when not given.
    pub local_pref: u32,
    /// The communities of two octets each among `communities` (RFC 1997).
    pub communities: BTreeSet<Community>,
    /// The large ones (RFC 8092).
    pub large_communities: BTreeSet<LargeCommunity>,
    /// `peers`; empty: all.
    pub peers: BTreeSet<PeerName>,
    /// `nodeSelectors`.
    pub nodes: Selectors,
    /// `serviceSelectors`.
    pub services: Selectors,
}

impl BgpAdvertisement {
    /// Whether routes of this advertisement go to `peer`.
    #[must_use]
    pub fn names_peer(&self, peer: &PeerName) -> bool {
        self.peers.is_empty() || self.peers.contains(peer)
    }
}

/// An L2Advertisement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2Advertisement {
    /// `ipAddressPools` and `ipAddressPoolSelectors`.
    pub pools: PoolSelection,
    /// `nodeSelectors`.
    pub nodes: Selectors,
    /// `interfaces`; empty: all.
    pub interfaces: BTreeSet<Interface>,
    /// `serviceSelectors`.
    pub services: Selectors,
    /// `preferredNodeSelectors`.
    pub preferences: Vec<NodePreference>,
    /// Annotation [`L2_FAILBACK`].
    pub failback: Failback,
}

/// Annotation of an L2Advertisement that says whether addresses move back to a better node that returns.
pub const L2_FAILBACK: &str = "ferrolb.io/l2-failback";

/// Whether an address goes to a better node than the one that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failback {
    /// It does, as with MetalLB.
    #[default]
    On,
    /// It stays where it is for as long as that node is as able as any other. Of several advertisements for one Service,
    /// one that says so is enough.
    Off,
}

/// An entry of `preferredNodeSelectors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePreference {
    /// What a matching node's score grows by, 1 to 100.
    pub weight: u32,
    /// Which nodes match.
    pub selector: Selector,
}

/// Which pools an advertisement is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSelection {
    /// `ipAddressPools`; a name without a pool selects nothing.
    pub names: BTreeSet<PoolName>,
    /// `ipAddressPoolSelectors`.
    pub selectors: Selectors,
}

impl PoolSelection {
    /// Whether the pool `name` with `labels` is selected: by name or by label, or because nothing is asked.
    #[must_use]
    pub fn selects(&self, name: &PoolName, labels: &Labels) -> bool {
        (self.names.is_empty() && self.selectors.is_empty())
            || self.names.contains(name)
            || self.selectors.any_matches(labels)
    }
}

/// How many bits of an address are advertised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AggregationLengths {
    ipv4: u8,
    ipv6: u8,
}

impl AggregationLengths {
    /// From `aggregationLength` and `aggregationLengthV6`.
    ///
    /// # Errors
    ///
    /// An IPv4 length that is not 1 to 32, an IPv6 length that is not 1 to 128.
    pub fn try_new(ipv4: u8, ipv6: u8) -> Result<Self, AggregationError> {
        if !(1..=32).contains(&ipv4) {
            return Err(AggregationError::Ipv4 { length: ipv4 });
        }
        if !(1..=128).contains(&ipv6) {
            return Err(AggregationError::Ipv6 { length: ipv6 });
        }
        Ok(Self { ipv4, ipv6 })
    }

    /// The length for addresses of `family`.
    #[must_use]
    pub fn length(self, family: Family) -> u8 {
        match family {
            Family::V4 => self.ipv4,
            Family::V6 => self.ipv6,
        }
    }
}

/// Whole addresses: /32 and /128.
impl Default for AggregationLengths {
    fn default() -> Self {
        Self {
            ipv4: 32,
            ipv6: 128,
        }
    }
}

/// Why an aggregation length is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AggregationError {
    /// Not an IPv4 prefix length above 0.
    #[error("invalid aggregationLength {length}: must be from 1 to 32")]
    Ipv4 {
        /// What was given.
        length: u8,
    },
    /// Not an IPv6 prefix length above 0.
    #[error("invalid aggregationLengthV6 {length}: must be from 1 to 128")]
    Ipv6 {
        /// What was given.
        length: u8,
    },
}

/// Whether two advertisements of one pool would give one prefix to one peer with different LOCAL_PREF.
///
/// `families` are those of the pool: with both, the two conflict when either length is the same. Node and service
/// selectors are not looked at, since this is asked of advertisements that already apply together.
#[must_use]
pub fn local_prefs_conflict(
    one: &BgpAdvertisement,
    other: &BgpAdvertisement,
    families: Families,
) -> bool {
    let same_prefix = match families {
        Families::Ipv4 => one.aggregation.ipv4 == other.aggregation.ipv4,
        Families::Ipv6 => one.aggregation.ipv6 == other.aggregation.ipv6,
        Families::Both => {
            one.aggregation.ipv4 == other.aggregation.ipv4
                || one.aggregation.ipv6 == other.aggregation.ipv6
        }
    };
    let same_peer =
        one.peers.is_empty() || other.peers.is_empty() || !one.peers.is_disjoint(&other.peers);
    one.local_pref != other.local_pref && same_prefix && same_peer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advertisement(local_pref: u32, lengths: (u8, u8), peers: &[&str]) -> BgpAdvertisement {
        BgpAdvertisement {
            local_pref,
            aggregation: AggregationLengths::try_new(lengths.0, lengths.1).unwrap(),
            peers: peers.iter().map(|name| PeerName::from(*name)).collect(),
            ..BgpAdvertisement::default()
        }
    }

    #[test]
    fn equal_local_prefs_never_conflict() {
        let one = advertisement(100, (32, 128), &[]);
        assert!(!local_prefs_conflict(&one, &one, Families::Both));
    }

    #[test]
    fn only_the_lengths_of_the_pools_families_count() {
        let one = advertisement(100, (32, 128), &[]);
        let other = advertisement(200, (24, 128), &[]);
        assert!(!local_prefs_conflict(&one, &other, Families::Ipv4));
        assert!(local_prefs_conflict(&one, &other, Families::Ipv6));
        assert!(local_prefs_conflict(&one, &other, Families::Both));
        let both_differ = advertisement(200, (24, 64), &[]);
        assert!(!local_prefs_conflict(&one, &both_differ, Families::Both));
    }

    #[test]
    fn different_peers_do_not_conflict_and_no_list_means_all() {
        let one = advertisement(100, (32, 128), &["a", "b"]);
        assert!(!local_prefs_conflict(
            &one,
            &advertisement(200, (32, 128), &["c"]),
            Families::Ipv4
        ));
        assert!(local_prefs_conflict(
            &one,
            &advertisement(200, (32, 128), &["b"]),
            Families::Ipv4
        ));
        assert!(local_prefs_conflict(
            &one,
            &advertisement(200, (32, 128), &[]),
            Families::Ipv4
        ));
    }

    #[test]
    fn a_length_must_fit_its_family() {
        assert_eq!(
            AggregationLengths::try_new(33, 64),
            Err(AggregationError::Ipv4 { length: 33 })
        );
        assert_eq!(
            AggregationLengths::try_new(0, 64),
            Err(AggregationError::Ipv4 { length: 0 })
        );
        assert_eq!(
            AggregationLengths::try_new(24, 129),
            Err(AggregationError::Ipv6 { length: 129 })
        );
    }

    #[test]
    fn a_pool_is_selected_by_name_or_by_label_or_by_nothing_being_asked() {
        let gold = Labels::from([("tier".to_owned(), "gold".to_owned())]);
        let pool = PoolName::from("web");
        let by_label = Selectors::new([Selector::labels([("tier", "gold")])]);
        let selection = PoolSelection {
            names: BTreeSet::from(["other".into()]),
            selectors: by_label,
        };
        assert!(selection.selects(&pool, &gold));
        assert!(!selection.selects(&pool, &Labels::new()));
        assert!(selection.selects(&"other".into(), &Labels::new()));
        assert!(PoolSelection::default().selects(&pool, &Labels::new()));
    }
}
