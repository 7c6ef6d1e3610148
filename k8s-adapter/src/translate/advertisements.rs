//! BGPAdvertisement and L2Advertisement (compat/metallb.md 1.3, 1.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use ipam::{IpRange, PoolName};
use ipnet::{Ipv4Subnets, Ipv6Subnets};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use planner::config::{
    AggregationError, AggregationLengths, BgpAdvertisement, Failback, L2_FAILBACK, L2Advertisement,
    NodePreference, PoolSelection, Pools, local_prefs_conflict,
};
use planner::names::{AdvertisementName, Interface, NodeName, PeerName};
use planner::node::Node;

use super::communities::{self, Aliases};
use super::error::{Kind, ObjectName, ObjectRef, Reason};
use super::last_good::Faults;
use super::selectors::{selector, selectors};
use crate::crd::{self, BGPAdvertisementSpec};

const LENGTH: &str = "spec.aggregationLength";
const LENGTH_V6: &str = "spec.aggregationLengthV6";
/// What a node's preference may weigh.
const WEIGHTS: std::ops::RangeInclusive<i32> = 1..=100;

/// Reads a BGPAdvertisement.
pub(super) fn translate_bgp(
    object: &crd::BGPAdvertisement,
    aliases: &Aliases,
    pools: &Pools,
    faults: &mut Faults,
) -> Option<BgpAdvertisement> {
    let spec = &object.spec;
    let aggregation = aggregation(spec, faults);
    faults.distinct("spec.communities", &spec.communities);
    faults.distinct("spec.peers", &spec.peers);
    let (communities, large_communities) =
        aliases.resolve_all("spec.communities", &spec.communities, faults);
    let advertisement = BgpAdvertisement {
        pools: pool_selection(
            &spec.ip_address_pools,
            &spec.ip_address_pool_selectors,
            faults,
        ),
        aggregation: aggregation?,
        local_pref: spec.local_pref.unwrap_or_default(),
        communities,
        large_communities,
        peers: spec
            .peers
            .iter()
            .map(|name| PeerName::from(name.as_str()))
            .collect(),
        nodes: selectors(faults, "spec.nodeSelectors", &spec.node_selectors),
        services: selectors(faults, "spec.serviceSelectors", &spec.service_selectors),
    };
    if !advertisement.services.is_empty()
        && advertisement.aggregation != AggregationLengths::default()
    {
        let other = "an aggregationLength other than 32 or an aggregationLengthV6 other than 128";
        faults.reject("spec.serviceSelectors", Reason::Exclusive { other });
    }
    check_lengths_against_pools(&advertisement, pools, faults);
    Some(advertisement)
}

/// Puts the communities in place of their aliases.
pub(super) fn put_in_communities(
    spec: &mut BGPAdvertisementSpec,
    advertisement: &BgpAdvertisement,
) {
    spec.communities =
        communities::texts(&advertisement.communities, &advertisement.large_communities);
}

fn aggregation(spec: &BGPAdvertisementSpec, faults: &mut Faults) -> Option<AggregationLengths> {
    // What does not fit an octet is out of range as well.
    let octet = |length: i32| u8::try_from(length).unwrap_or(u8::MAX);
    match AggregationLengths::try_new(
        octet(spec.aggregation_length),
        octet(spec.aggregation_length_v6),
    ) {
        Ok(lengths) => Some(lengths),
        Err(AggregationError::Ipv4 { .. }) => {
            let detail = format!("{} is not from 1 to 32", spec.aggregation_length);
            faults.reject(LENGTH, Reason::Invalid(detail));
            None
        }
        Err(AggregationError::Ipv6 { .. }) => {
            let detail = format!("{} is not from 1 to 128", spec.aggregation_length_v6);
            faults.reject(LENGTH_V6, Reason::Invalid(detail));
            None
        }
    }
}

/// An aggregate must not reach beyond the pool entries that its addresses come from.
fn check_lengths_against_pools(
    advertisement: &BgpAdvertisement,
    pools: &Pools,
    faults: &mut Faults,
) {
    if advertisement.aggregation == AggregationLengths::default() {
        return;
    }
    for (name, _) in pools
        .policies()
        .filter(|(name, policy)| advertisement.pools.selects(name, &policy.labels))
    {
        for range in pools
            .addresses()
            .get(name)
            .map(ipam::Pool::ranges)
            .unwrap_or_default()
        {
            let field = if range.first().is_ipv4() {
                LENGTH
            } else {
                LENGTH_V6
            };
            let length = advertisement.aggregation.length(range.family());
            if length < shortest_prefix(range) {
                let detail = format!("/{length} is wider than {range} of pool {name}");
                faults.conflict(field, Reason::Invalid(detail));
            }
        }
    }
}

/// The length of the widest prefix within a range.
fn shortest_prefix(range: &IpRange) -> u8 {
    use std::net::IpAddr::{V4, V6};
    let lengths = match (range.first(), range.last()) {
        (V4(first), V4(last)) => Ipv4Subnets::new(first, last, 0)
            .map(|net| net.prefix_len())
            .min(),
        (V6(first), V6(last)) => Ipv6Subnets::new(first, last, 0)
            .map(|net| net.prefix_len())
            .min(),
        // A range is of one family.
        _ => None,
    };
    lengths.unwrap_or_default()
}

fn pool_selection(
    names: &[String],
    labels: &[LabelSelector],
    faults: &mut Faults,
) -> PoolSelection {
    faults.distinct("spec.ipAddressPools", names);
    PoolSelection {
        names: names
            .iter()
            .map(|name| PoolName::from(name.as_str()))
            .collect(),
        selectors: selectors(faults, "spec.ipAddressPoolSelectors", labels),
    }
}

/// Reads an L2Advertisement.
pub(super) fn translate_l2(object: &crd::L2Advertisement, faults: &mut Faults) -> L2Advertisement {
    let spec = &object.spec;
    faults.distinct("spec.interfaces", &spec.interfaces);
    let mut preferences = Vec::with_capacity(spec.preferred_node_selectors.len());
    for (index, preferred) in spec.preferred_node_selectors.iter().enumerate() {
        let field = format!("spec.preferredNodeSelectors[{index}]");
        let selector = selector(
            faults,
            &format!("{field}.preference"),
            &preferred.preference,
        );
        match u32::try_from(preferred.weight) {
            Ok(weight) if WEIGHTS.contains(&preferred.weight) => {
                preferences.extend(selector.map(|selector| NodePreference { weight, selector }));
            }
            _ => {
                let detail = format!("{} is not from 1 to 100", preferred.weight);
                faults.reject(format!("{field}.weight"), Reason::Invalid(detail));
            }
        }
    }
    L2Advertisement {
        pools: pool_selection(
            &spec.ip_address_pools,
            &spec.ip_address_pool_selectors,
            faults,
        ),
        nodes: selectors(faults, "spec.nodeSelectors", &spec.node_selectors),
        interfaces: spec
            .interfaces
            .iter()
            .map(|name| Interface::from(name.as_str()))
            .collect(),
        services: selectors(faults, "spec.serviceSelectors", &spec.service_selectors),
        preferences,
        failback: failback(object, faults),
    }
}

/// The annotation [`L2_FAILBACK`].
fn failback(object: &crd::L2Advertisement, faults: &mut Faults) -> Failback {
    let annotations = object.metadata.annotations.as_ref();
    let annotation = annotations.and_then(|annotations| annotations.get(L2_FAILBACK));
    match annotation.map(String::as_str) {
        None | Some("true") => Failback::On,
        Some("false") => Failback::Off,
        Some(other) => {
            let detail = format!("{other:?} is not a boolean; write \"true\" or \"false\"");
            let field = format!("metadata.annotations[{L2_FAILBACK}]");
            faults.reject(field, Reason::Invalid(detail));
            Failback::On
        }
    }
}

/// The BGPAdvertisements in force.
pub(super) struct AcceptedBgp<'a> {
    pools: &'a Pools,
    nodes: &'a BTreeMap<NodeName, Arc<Node>>,
    advertisements: BTreeMap<AdvertisementName, BgpAdvertisement>,
    by_pool: BTreeMap<PoolName, Vec<ObjectName>>,
}

impl<'a> AcceptedBgp<'a> {
    pub(super) fn new(pools: &'a Pools, nodes: &'a BTreeMap<NodeName, Arc<Node>>) -> Self {
        Self {
            pools,
            nodes,
            advertisements: BTreeMap::new(),
            by_pool: BTreeMap::new(),
        }
    }

    /// Adds an advertisement, unless an older one gives the same prefix to the same peer with another LOCAL_PREF.
    pub(super) fn accept(
        &mut self,
        name: &ObjectName,
        advertisement: &BgpAdvertisement,
        faults: &mut Faults,
    ) {
        let pools = self.pools.policies();
        let selected =
            pools.filter(|(pool, policy)| advertisement.pools.selects(pool, &policy.labels));
        let selected: Vec<PoolName> = selected.map(|(pool, _)| pool.clone()).collect();
        let rival = selected.iter().find_map(|pool| {
            let others = self.by_pool.get(pool)?;
            others.iter().find(|other| {
                let other = self.advertisements.get(&*other.name);
                other.is_some_and(|other| self.conflict(pool, advertisement, other))
            })
        });
        if let Some(rival) = rival {
            let there = self
                .advertisements
                .get(&*rival.name)
                .map(|rival| rival.local_pref)
                .unwrap_or_default();
            let conflict = Reason::Conflict {
                what: advertisement.local_pref.to_string(),
                with: ObjectRef::new(Kind::BGPAdvertisement, rival.clone()),
                there: there.to_string(),
            };
            faults.reject("spec.localPref", conflict);
            return;
        }
        for pool in selected {
            self.by_pool.entry(pool).or_default().push(name.clone());
        }
        self.advertisements.insert(
            AdvertisementName::new(name.name.clone()),
            advertisement.clone(),
        );
    }

    pub(super) fn into_advertisements(self) -> BTreeMap<AdvertisementName, BgpAdvertisement> {
        self.advertisements
    }

    fn conflict(&self, pool: &PoolName, one: &BgpAdvertisement, other: &BgpAdvertisement) -> bool {
        let families = self.pools.families(pool);
        let for_all_services = one.services.is_empty() && other.services.is_empty();
        let selects = |advertisement: &BgpAdvertisement, node: &Node| {
            advertisement.nodes.match_labels(&node.labels)
        };
        for_all_services
            && families.is_some_and(|families| local_prefs_conflict(one, other, families))
            && self
                .nodes
                .values()
                .any(|node| selects(one, node) && selects(other, node))
    }
}
