//! Small snapshots at random, in which things get in each other's way.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bgp_wire::{Asn, Community};
use ipam::{Addresses, Family, Pool, Port, Protocol};
use planner::config::{
    Advertise, AggregationLengths, BgpAdvertisement, BgpPolicy, Config, Failback, L2Advertisement,
    NodePreference, Peer, PeerAs, PoolPolicy, PoolSelection, RouteChanges,
};
use planner::endpoints::{Endpoint, Endpoints};
use planner::names::{NodeName, ServiceKey};
use planner::node::{Network, Node};
use planner::selector::{Labels, Requirement, Selector, Selectors};
use planner::service::{AddressField, IpFamilyPolicy, Service, TrafficPolicy};
use planner::snapshot::Snapshot;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::subsequence;

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let services = btree_map(("[ab]", "[a-e]"), (service(), endpoints()), 0..8);
    (services, vec(node(), 1..5), config()).prop_map(|(services, nodes, config)| {
        let mut snapshot = Snapshot {
            config,
            ..Snapshot::default()
        };
        for (index, node) in nodes.into_iter().enumerate() {
            snapshot.nodes.insert(node_name(index), node.into());
        }
        for ((namespace, name), (service, endpoints)) in services {
            let key = ServiceKey::new(namespace.as_str(), name.as_str());
            snapshot.services.insert(key.clone(), service.into());
            snapshot.endpoints.insert(key, endpoints);
        }
        snapshot
    })
}

/// Two small pools, one of both families, so that Services get in each other's way.
pub(crate) fn config() -> impl Strategy<Value = Config> {
    let objects = (
        vec(bgp_advertisement(), 0..4),
        vec(l2_advertisement(), 0..3),
        vec(bgp_policy(), 0..2),
    );
    (objects, any::<bool>(), selectors()).prop_map(|((bgp, l2, policies), dual_stack, nodes)| {
        let mut config = Config::default();
        for (name, ranges) in [
            ("four", &["198.51.100.0/31"][..]),
            ("dual", &["203.0.113.128/31", "2001:db8::/127"]),
        ] {
            let ranges = ranges.iter().map(|range| range.parse().unwrap());
            config
                .pools
                .insert(Pool::try_new(name, ranges).unwrap(), PoolPolicy::default())
                .unwrap();
        }
        for (name, peer_as) in [
            ("internal", PeerAs::Internal),
            ("external", PeerAs::External),
        ] {
            let mut peer = peer(peer_as, dual_stack);
            if peer_as == PeerAs::External {
                peer.nodes = nodes.clone();
            }
            config.peers.insert(name.into(), peer);
        }
        let named = |index: usize| format!("ad-{index}").into();
        config.bgp_advertisements = bgp
            .into_iter()
            .enumerate()
            .map(|(index, ad)| (named(index), ad))
            .collect();
        config.l2_advertisements = l2
            .into_iter()
            .enumerate()
            .map(|(index, ad)| (named(index), ad))
            .collect();
        config.bgp_policies = policies
            .into_iter()
            .enumerate()
            .map(|(index, policy)| (format!("policy-{index}").into(), policy))
            .collect();
        config
    })
}

fn peer(peer_as: PeerAs, dual_stack: bool) -> Peer {
    let address = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
    Peer {
        dual_stack,
        ..Peer::new(Asn(64512), peer_as, address)
    }
}

fn bgp_advertisement() -> impl Strategy<Value = BgpAdvertisement> {
    (
        pools(),
        prop_oneof![Just(32), Just(31), Just(24)],
        0..2_u32,
        subsequence(vec![Community(1), Community(2)], 0..=2),
        selectors(),
        selectors(),
    )
        .prop_map(
            |(pools, length, local_pref, communities, nodes, services)| BgpAdvertisement {
                pools,
                communities: communities.into_iter().collect(),
                aggregation: AggregationLengths::try_new(length, 128).unwrap(),
                local_pref,
                nodes,
                services,
                ..BgpAdvertisement::default()
            },
        )
}

fn bgp_policy() -> impl Strategy<Value = BgpPolicy> {
    let changes = (option::of(0..2_u32), prop::bool::weighted(0.2));
    (changes, selectors(), selectors()).prop_map(|((med, silent), nodes, services)| BgpPolicy {
        nodes,
        services,
        changes: RouteChanges {
            med,
            advertise: silent.then_some(Advertise::No),
            ..RouteChanges::default()
        },
        ..BgpPolicy::default()
    })
}

fn l2_advertisement() -> impl Strategy<Value = L2Advertisement> {
    (
        pools(),
        selectors(),
        selectors(),
        vec((1..3_u32, labels()), 0..2),
        any::<bool>(),
        prop_oneof![Just(Failback::On), Just(Failback::Off)],
    )
        .prop_map(
            |(pools, nodes, services, preferences, all, failback)| L2Advertisement {
                failback,
                pools,
                nodes,
                services,
                interfaces: if all {
                    BTreeSet::new()
                } else {
                    BTreeSet::from(["eth0".into(), "eth1".into()])
                },
                preferences: preferences
                    .into_iter()
                    .map(|(weight, labels)| NodePreference {
                        weight,
                        selector: Selector::labels(labels),
                    })
                    .collect(),
            },
        )
}

fn pools() -> impl Strategy<Value = PoolSelection> {
    let names = prop_oneof![Just(vec![]), Just(vec!["four"]), Just(vec!["dual"])];
    names.prop_map(|names| PoolSelection {
        names: names.into_iter().map(Into::into).collect(),
        ..PoolSelection::default()
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    prop_oneof![
        Just(Labels::new()),
        Just(Labels::from([("tier".to_owned(), "gold".to_owned())]))
    ]
}

/// Mostly none; else one for the label that [`labels`] gives at times, or for its absence.
fn selectors() -> impl Strategy<Value = Selectors> {
    let gold = || Selectors::new([Selector::labels([("tier", "gold")])]);
    let plain = Requirement::DoesNotExist("tier".to_owned());
    let plain = Selectors::new([Selector::new([plain])]);
    prop_oneof![2 => Just(Selectors::default()), 1 => Just(gold()), 1 => Just(plain)]
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    let network = prop_oneof![4 => Just(Network::Available), 1 => Just(Network::Unavailable)];
    (labels(), network, prop::bool::weighted(0.2)).prop_map(|(labels, network, is_draining)| Node {
        labels,
        network,
        is_draining,
        ..Node::default()
    })
}

pub(crate) fn node_name(index: usize) -> NodeName {
    format!("n{index}").into()
}

pub(crate) fn endpoints() -> impl Strategy<Value = Endpoints> {
    let endpoint = (0..5_usize, any::<bool>()).prop_map(|(node, ready)| Endpoint {
        node: Some(node_name(node)),
        ready: Some(ready),
        serving: None,
    });
    vec(endpoint, 0..4).prop_map(|endpoints| endpoints.into_iter().collect())
}

pub(crate) fn service() -> impl Strategy<Value = Service> {
    let policies = prop_oneof![
        Just(IpFamilyPolicy::SingleStack),
        Just(IpFamilyPolicy::PreferDualStack),
        Just(IpFamilyPolicy::RequireDualStack)
    ];
    let wishes = (
        option::of(address()),
        option::of(prop_oneof![Just("x"), Just("y")]),
        1..4_u16,
    );
    let spec = (labels(), any::<bool>(), any::<bool>(), policies, 0..4_u64);
    (spec, vec(address(), 0..3), wishes).prop_map(
        |((labels, local, dual, ip_family_policy, created), held, (wanted, share, port))| {
            let four = AddressField::parse("10.0.0.1");
            let six = AddressField::parse("fd00::1");
            Service {
                labels,
                created: Duration::from_secs(created),
                cluster_ips: if dual { vec![four, six] } else { vec![four] },
                ip_family_policy,
                traffic_policy: if local {
                    TrafficPolicy::Local
                } else {
                    TrafficPolicy::Cluster
                },
                ports: BTreeSet::from([Port::new(Protocol::Tcp, port)]),
                wanted: wanted.map(|address| Ok(Addresses::single(address))),
                sharing_key: share.map(str::to_owned),
                ingress: held.into_iter().map(AddressField::Ip).collect(),
                ..Service::default()
            }
        },
    )
}

/// Mostly an address of a pool.
fn address() -> impl Strategy<Value = IpAddr> {
    (
        prop_oneof![Just(Family::V4), Just(Family::V6)],
        0..3_u8,
        any::<bool>(),
    )
        .prop_map(|(family, last, dual)| match family {
            Family::V4 if dual => IpAddr::V4(Ipv4Addr::new(203, 0, 113, 128 + last)),
            Family::V4 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, last)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last))),
        })
}
