//! What holds for every snapshot.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::Asn;
use ipam::{Addresses, Family, Pool, Port, Protocol};
use planner::allocation::plan_allocation;
use planner::config::{
    AggregationLengths, BgpAdvertisement, Config, Establishment, L2Advertisement, Multihop,
    NodePreference, Peer, PeerAs, PoolPolicy, PoolSelection, Timers,
};
use planner::desired::desired_state;
use planner::effect::{ConditionStatus, Effect, EventReason, StatusBody};
use planner::endpoints::{Endpoint, Endpoints};
use planner::names::{NodeName, ServiceKey};
use planner::node::{Network, Node};
use planner::observed::{Observed, SessionObserved};
use planner::selector::{Labels, Selector, Selectors};
use planner::service::{AddressField, IpFamilyPolicy, Service, TrafficPolicy};
use planner::snapshot::Snapshot;
use planner::status::{Statuses, node_status};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn applying_a_plan_and_planning_again_changes_nothing(mut snapshot in snapshot()) {
        let plan = plan_allocation(&snapshot);
        plan.apply(&mut snapshot);
        let again = plan_allocation(&snapshot);
        // Whoever is refused may be told anew, since what the others were given is in the way now.
        let mut effects = again.effects(&snapshot, &plan);
        effects.retain(|effect| match effect {
            Effect::EmitEvent(event) => event.reason != EventReason::AllocationFailed,
            Effect::PatchServiceStatus { ingress, condition: Some(condition), .. } => {
                condition.status == ConditionStatus::True || !ingress.is_empty()
            }
            _ => true,
        });
        prop_assert_eq!(effects, vec![]);
        prop_assert_eq!(again.usage, plan.usage);
    }

    #[test]
    fn an_announced_address_has_exactly_one_owner(snapshot in snapshot()) {
        for snapshot in [assigned(&snapshot), snapshot] {
            let mut owners: BTreeMap<IpAddr, Vec<&NodeName>> = BTreeMap::new();
            let mut announced: BTreeSet<IpAddr> = BTreeSet::new();
            for node in snapshot.nodes.keys() {
                let desired = desired_state(&snapshot, node);
                for address in desired.addresses.keys() {
                    owners.entry(*address).or_default().push(node);
                }
                let announcements = desired.verdicts.values().filter_map(|verdicts| verdicts.layer2.announcement());
                announced.extend(announcements.flat_map(|announcement| &announcement.addresses));
            }
            prop_assert!(owners.values().all(|nodes| nodes.len() == 1), "{:?}", owners);
            prop_assert_eq!(owners.into_keys().collect::<BTreeSet<_>>(), announced);
        }
    }

    #[test]
    fn a_route_lives_for_services_with_an_address_inside(snapshot in snapshot()) {
        let snapshot = assigned(&snapshot);
        for node in snapshot.nodes.keys() {
            let desired = desired_state(&snapshot, node);
            for (prefix, route) in desired.peers.values().flat_map(|peer| &peer.routes) {
                prop_assert!(!route.services.is_empty());
                for key in route.services.iter() {
                    prop_assert!(desired.verdicts[key].bgp.announcement().is_some());
                    prop_assert!(snapshot.services[key].addresses().any(|address| prefix.contains(&address)));
                }
            }
        }
    }

    #[test]
    fn writing_the_statuses_leaves_nothing_to_write(snapshot in snapshot()) {
        let snapshot = assigned(&snapshot);
        let mut written = Statuses::new();
        for _ in 0..2 {
            for node in snapshot.nodes.keys() {
                let desired = desired_state(&snapshot, node);
                // Drivers that have done all they were told.
                let sessions = desired.peers.iter().map(|(name, peer)| {
                    let sent = Arc::new(peer.routes.keys().copied().collect());
                    (name.clone(), SessionObserved { sent, ..SessionObserved::default() })
                });
                let observed = Observed { sessions: sessions.collect(), interfaces: BTreeSet::from(["eth0".into()]) };
                let status = node_status(&desired, &observed, node);
                for effect in status.effects(node, &written, &status.events) {
                    carry_out(&mut written, effect);
                }
                prop_assert_eq!(status.effects(node, &written, &status.events), vec![]);
            }
        }
    }
}

fn carry_out(written: &mut BTreeMap<planner::effect::StatusId, StatusBody>, effect: Effect) {
    match effect {
        Effect::UpsertStatus { id, body } => drop(written.insert(id, body)),
        Effect::DeleteStatus { id } => drop(written.remove(&id)),
        other => panic!("{other:?} is no status"),
    }
}

/// The snapshot once its plan has been carried out.
fn assigned(snapshot: &Snapshot) -> Snapshot {
    let mut assigned = snapshot.clone();
    plan_allocation(snapshot).apply(&mut assigned);
    assigned
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
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
fn config() -> impl Strategy<Value = Config> {
    let advertisements = (
        vec(bgp_advertisement(), 0..3),
        vec(l2_advertisement(), 0..3),
    );
    (advertisements, any::<bool>()).prop_map(|((bgp, l2), dual_stack)| {
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
            config.peers.insert(name.into(), peer(peer_as, dual_stack));
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
        config
    })
}

fn peer(peer_as: PeerAs, dual_stack: bool) -> Peer {
    Peer {
        my_as: Asn(64512),
        local_as: None,
        peer_as,
        address: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)),
        port: 179,
        source: None,
        router_id: None,
        timers: Timers::default(),
        nodes: Selectors::default(),
        password: None,
        multihop: Multihop::Off,
        dual_stack,
        establishment: Establishment::Active,
    }
}

fn bgp_advertisement() -> impl Strategy<Value = BgpAdvertisement> {
    (
        pools(),
        prop_oneof![Just(32), Just(31), Just(24)],
        0..2_u32,
        selectors(),
        selectors(),
    )
        .prop_map(
            |(pools, length, local_pref, nodes, services)| BgpAdvertisement {
                pools,
                aggregation: AggregationLengths::try_new(length, 128).unwrap(),
                local_pref,
                nodes,
                services,
                ..BgpAdvertisement::default()
            },
        )
}

fn l2_advertisement() -> impl Strategy<Value = L2Advertisement> {
    (
        pools(),
        selectors(),
        selectors(),
        vec((1..3_u32, labels()), 0..2),
        any::<bool>(),
    )
        .prop_map(
            |(pools, nodes, services, preferences, all)| L2Advertisement {
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
    prop_oneof![3 => Just(Labels::new()), 1 => Just(Labels::from([("tier".to_owned(), "gold".to_owned())]))]
}

/// Mostly none; else one for the label that [`labels`] gives at times.
fn selectors() -> impl Strategy<Value = Selectors> {
    let gold = || Selectors::new([Selector::labels([("tier", "gold")])]);
    prop_oneof![3 => Just(Selectors::default()), 1 => Just(gold())]
}

fn node() -> impl Strategy<Value = Node> {
    let network = prop_oneof![4 => Just(Network::Available), 1 => Just(Network::Unavailable)];
    (labels(), network).prop_map(|(labels, network)| Node {
        labels,
        network,
        ..Node::default()
    })
}

fn node_name(index: usize) -> NodeName {
    format!("n{index}").into()
}

fn endpoints() -> impl Strategy<Value = Endpoints> {
    let endpoint = (0..5_usize, any::<bool>()).prop_map(|(node, ready)| Endpoint {
        node: Some(node_name(node)),
        ready: Some(ready),
        serving: None,
    });
    vec(endpoint, 0..4).prop_map(|endpoints| endpoints.into_iter().collect())
}

fn service() -> impl Strategy<Value = Service> {
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
