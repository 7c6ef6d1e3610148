//! What holds for announcements that are kept up to date, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use planner::announcements::{Affected, Announcements};
use planner::config::Config;
use planner::departure::Departure;
use planner::desired::{Tenure, departing_state};
use planner::endpoints::Endpoints;
use planner::members::{Member, MemberLink, Members};
use planner::names::{NodeName, ServiceKey};
use planner::node::Node;
use planner::service::Service;
use planner::snapshot::Snapshot;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use self::arbitrary::{config, endpoints, node, node_name, service, snapshot};

/// What changes between two decisions.
#[derive(Clone, Debug, Default)]
struct Step {
    /// Services come, are changed, or go (`None`).
    services: BTreeMap<ServiceKey, Option<Service>>,
    endpoints: BTreeMap<ServiceKey, Option<Endpoints>>,
    nodes: BTreeMap<NodeName, Option<Node>>,
    config: Option<Config>,
    departure: Option<Departure>,
    /// Who is alive, or that nobody asks.
    members: Option<Option<Members>>,
    /// What each of the two nodes has.
    held: Option<[BTreeSet<IpAddr>; 2]>,
}

fn key() -> impl Strategy<Value = ServiceKey> {
    let names = ["one", "two", "three", "four", "five", "six"];
    select(names.map(|name| ServiceKey::new("a", name)).to_vec())
}

/// Mostly one thing at a time, as in a cluster.
fn step() -> impl Strategy<Value = Step> {
    let services = || btree_map(key(), option::weighted(0.8, service()), 1..3);
    let endpoints = || btree_map(key(), option::weighted(0.9, endpoints()), 1..3);
    let nodes = || {
        let name = (0..4_usize).prop_map(node_name);
        btree_map(name, option::weighted(0.8, node()), 1..3)
    };
    let departure = || {
        select(vec![
            Departure::Staying,
            Departure::Announced,
            Departure::Gone,
        ])
    };
    let everything = (services(), endpoints(), nodes(), option::of(config()));
    prop_oneof![
        6 => services().prop_map(|services| Step { services, ..Step::default() }),
        4 => endpoints().prop_map(|endpoints| Step { endpoints, ..Step::default() }),
        4 => nodes().prop_map(|nodes| Step { nodes, ..Step::default() }),
        2 => config().prop_map(|config| Step { config: Some(config), ..Step::default() }),
        4 => option::weighted(0.9, members()).prop_map(|members| Step { members: Some(members), ..Step::default() }),
        3 => [held(), held()].prop_map(|held| Step { held: Some(held), ..Step::default() }),
        1 => departure().prop_map(|departure| Step { departure: Some(departure), ..Step::default() }),
        2 => everything.prop_map(|(services, endpoints, nodes, config)| Step {
            services, endpoints, nodes, config, ..Step::default()
        }),
    ]
}

/// Some of the nodes of [`snapshot`], on few subnets. Each says something of its links, or nothing.
fn members() -> impl Strategy<Value = Members> {
    let subnets = [
        "198.51.100.0/24",
        "198.51.100.0/32",
        "203.0.113.128/31",
        "2001:db8::/64",
    ];
    let subnets = subnets.map(|subnet| subnet.parse().unwrap());
    let link = (
        prop::bool::weighted(0.8),
        subsequence(subnets.to_vec(), 0..=4),
    );
    let link = link.prop_map(|(is_up, subnets)| MemberLink {
        is_up,
        subnets: subnets.into_iter().collect(),
        macs: BTreeSet::new(),
    });
    let interface = prop_oneof![Just("eth0"), Just("eth2")].prop_map(Into::into);
    let links = btree_map(interface, link, 0..3);
    let member = (links, prop::bool::weighted(0.2));
    let member = member.prop_map(|(links, is_draining)| Member { links, is_draining });
    let members = btree_map((0..4_usize).prop_map(node_name), member, 0..5);
    members.prop_map(|members| members.into_iter().collect())
}

/// Addresses that Services may have.
fn held() -> impl Strategy<Value = BTreeSet<IpAddr>> {
    let addresses = [
        "198.51.100.0",
        "198.51.100.1",
        "203.0.113.128",
        "203.0.113.129",
        "2001:db8::",
    ];
    let addresses = addresses.map(|address| address.parse().unwrap());
    subsequence(addresses.to_vec(), 0..=5).prop_map(|held| held.into_iter().collect())
}

/// Makes the step, and says what it affects.
fn take(snapshot: &mut Snapshot, step: Step) -> Affected {
    let mut affected = Affected {
        config: step.config.is_some(),
        ..Affected::default()
    };
    for (key, service) in step.services {
        match service {
            Some(service) => drop(snapshot.services.insert(key.clone(), service.into())),
            None => drop(snapshot.services.remove(&key)),
        }
        affected.services.insert(key);
    }
    for (key, endpoints) in step.endpoints {
        match endpoints {
            Some(endpoints) => drop(snapshot.endpoints.insert(key.clone(), endpoints)),
            None => drop(snapshot.endpoints.remove(&key)),
        }
        affected.services.insert(key);
    }
    for (name, node) in step.nodes {
        match node {
            Some(node) => drop(snapshot.nodes.insert(name.clone(), node.into())),
            None => drop(snapshot.nodes.remove(&name)),
        }
        affected.nodes.insert(name);
    }
    if let Some(config) = step.config {
        snapshot.config = config;
    }
    affected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn after_every_change_they_are_what_comes_of_everything_at_once(
        mut snapshot in snapshot(),
        steps in vec(step(), 1..25),
    ) {
        let mut both = [0, 1].map(|index| Announcements::new(node_name(index)));
        let mut members = None;
        let mut held = [BTreeSet::new(), BTreeSet::new()];
        for announcements in &mut both {
            announcements.decide_anew(&snapshot);
        }
        for step in steps {
            let departure = step.departure;
            members = step.members.clone().unwrap_or(members);
            held = step.held.clone().unwrap_or(held);
            let affected = take(&mut snapshot, step);
            for (index, announcements) in both.iter_mut().enumerate() {
                let me = node_name(index);
                announcements.update(&snapshot, &affected);
                if let Some(departure) = departure {
                    announcements.set_departure(&snapshot, departure);
                }
                announcements.set_members(&snapshot, members.clone());
                announcements.set_held(held[index].clone());
                let mut whole = Announcements::new(me.clone());
                whole.set_members(&Snapshot::default(), members.clone());
                whole.set_held(held[index].clone());
                whole.set_departure(&Snapshot::default(), announcements.departure());
                whole.decide_anew(&snapshot);
                prop_assert_eq!(announcements.desired(), whole.desired());
                if members.is_none() && held[index].is_empty() {
                    let whole = departing_state(&snapshot, &me, announcements.departure());
                    prop_assert_eq!(announcements.desired(), &whole);
                }
            }
            let [one, other] = &both;
            let seen = one.of_other(&snapshot, node_name(1));
            if other.departure() == Departure::Staying && held[1].is_empty() {
                prop_assert_eq!(seen.desired(), other.desired());
            }
        }
    }

    #[test]
    fn nodes_that_hear_the_same_agree_on_one_owner(snapshot in snapshot(), members in members()) {
        let mut owners: BTreeMap<IpAddr, BTreeSet<NodeName>> = BTreeMap::new();
        let mut announced = BTreeSet::new();
        for node in snapshot.nodes.keys() {
            let mut announcements = Announcements::new(node.clone());
            announcements.decide_anew(&snapshot);
            announcements.set_members(&snapshot, Some(members.clone()));
            let desired = announcements.desired();
            for address in desired.addresses.keys() {
                owners.entry(*address).or_default().insert(node.clone());
            }
            let layer2 = desired.verdicts.values().filter_map(|verdicts| verdicts.layer2.announcement());
            announced.extend(layer2.flat_map(|announcement| announcement.addresses.clone()));
        }
        prop_assert!(owners.values().all(|nodes| nodes.len() == 1), "{:?}", owners);
        prop_assert!(owners.values().flatten().all(|node| members.get(node).is_some()));
        prop_assert_eq!(owners.into_keys().collect::<BTreeSet<_>>(), announced);
    }

    #[test]
    fn of_two_owners_that_do_not_hear_each_other_one_outranks_the_other(
        snapshot in snapshot(),
        views in [members(), members()],
        held in [held(), held()],
    ) {
        let names = [0, 1].map(node_name);
        let nodes: Vec<Announcements> = [0, 1].into_iter().map(|index| {
            let mut view = views[index].clone();
            view.insert(names[index].clone(), Member::default());
            let mut announcements = Announcements::new(names[index].clone());
            announcements.decide_anew(&snapshot);
            announcements.set_members(&snapshot, Some(view));
            announcements.set_held(held[index].clone());
            announcements
        }).collect();
        for address in snapshot.services.values().flat_map(|service| service.addresses()) {
            let ranks = [
                nodes[0].outranks(&address, &names[1]),
                nodes[1].outranks(&address, &names[0]),
            ];
            prop_assert!(ranks != [true, true]);
            let owns = |node: &Announcements| {
                let desired = node.desired().addresses.get(&address);
                desired.is_some_and(|desired| desired.tenure != Tenure::Leaving)
            };
            if nodes.iter().any(owns) {
                prop_assert!(ranks != [false, false], "{address}");
            }
        }
    }
}
