//! What a change reaches, and what it leaves alone.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use planner::announcements::{Affected, Announcements};
use planner::desired::{Desired, desired_state};
use planner::diff::diff_shared;
use planner::endpoints::Endpoint;
use planner::names::{NodeName, ServiceKey};
use planner::node::Node;
use planner::selector::Labels;
use planner::service::{AddressField, Service};
use planner::snapshot::Snapshot;
use planner::verdict::{Conflict, Reason};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const CLUSTER: &str = "
nodes: {n1: , n2: , n3: }
pools: {web: {addresses: [198.51.100.0/24]}}
peers: {tor: {my: 64512, peer: internal, address: 203.0.113.1}}
bgp:
  plain: {aggregation: 28, services: [{tier: plain}], localPref: 100}
  gold: {aggregation: 28, services: [{tier: gold}], localPref: 200}
l2: {all: }
services:
  a/first: {ips: [198.51.100.1], created: 1, labels: {tier: plain}, endpoints: {n1: [ready], n2: [ready]}}
  a/second: {ips: [198.51.100.2], created: 2, labels: {tier: plain}, endpoints: {n1: [ready]}}
  a/third: {ips: [198.51.100.3], created: 3, labels: {tier: gold}, endpoints: {n1: [ready]}}
  a/apart: {ips: [198.51.100.200], created: 4, labels: {tier: gold}, endpoints: {n1: [ready]}}
";

/// What n1 announces, and what it knows.
struct Speaker {
    snapshot: Snapshot,
    announcements: Announcements,
}

impl Speaker {
    fn new() -> Self {
        let snapshot = fixture::snapshot(CLUSTER);
        let mut announcements = Announcements::new("n1".into());
        announcements.decide_anew(&snapshot);
        Self {
            snapshot,
            announcements,
        }
    }

    fn desired(&self) -> &Desired {
        self.announcements.desired()
    }

    fn routes(&self) -> Vec<String> {
        let routes = self.desired().peers["tor"].routes.iter();
        let routes = routes.map(|(prefix, route)| {
            let services: Vec<_> = route.services.iter().map(ServiceKey::name).collect();
            format!("{prefix}: {}", services.join(" "))
        });
        routes.collect()
    }

    fn delete(&mut self, name: &str) {
        let key = fixture::key(name);
        self.snapshot.services.remove(&key);
        self.affect([key], []);
    }

    fn set_node(&mut self, name: &str, node: Node) {
        self.snapshot.nodes.insert(name.into(), Arc::new(node));
        self.affect([], [name.into()]);
    }

    fn affect<const S: usize, const N: usize>(
        &mut self,
        services: [ServiceKey; S],
        nodes: [NodeName; N],
    ) {
        let affected = Affected {
            services: services.into(),
            nodes: nodes.into(),
            config: false,
        };
        self.announcements.update(&self.snapshot, &affected);
    }
}

#[test]
fn an_aggregate_is_announced_as_long_as_a_service_inside_it_is() {
    let mut speaker = Speaker::new();
    let apart = "198.51.100.192/28: apart";
    assert_eq!(speaker.routes(), ["198.51.100.0/28: first second", apart]);
    speaker.delete("a/third");
    speaker.delete("a/first");
    assert_eq!(speaker.routes(), ["198.51.100.0/28: second", apart]);
    speaker.delete("a/second");
    assert_eq!(speaker.routes(), [apart]);
}

#[test]
fn a_service_that_yielded_is_announced_once_those_it_yielded_to_are_gone() {
    let mut speaker = Speaker::new();
    let reason = |speaker: &Speaker| {
        let verdicts = &speaker.desired().verdicts[&fixture::key("a/third")];
        verdicts.bgp.reason().cloned()
    };
    let yields_to = |name| {
        let other = Conflict::Service(fixture::key(name));
        Some(Reason::ConflictingAdvertisements(other))
    };
    assert_eq!(reason(&speaker), yields_to("a/first"));
    speaker.delete("a/first");
    assert_eq!(reason(&speaker), yields_to("a/second"));
    speaker.delete("a/second");
    assert_eq!(reason(&speaker), None);
    let route = speaker.desired().peers["tor"].routes.values().next();
    let local_pref = route.and_then(|route| route.attributes.local_pref);
    assert_eq!(local_pref, Some(200));
}

#[test]
fn a_change_of_one_service_leaves_the_verdicts_of_others_shared() {
    let mut speaker = Speaker::new();
    let before = speaker.desired().clone();
    speaker.snapshot.endpoints.remove(&fixture::key("a/apart"));
    speaker.affect([fixture::key("a/apart")], []);
    let changes = diff_shared(&before.verdicts, &speaker.desired().verdicts);
    assert_eq!(changes.count(), 1);
    let routes = &speaker.desired().peers["tor"].routes;
    assert_eq!(diff_shared(&before.peers["tor"].routes, routes).count(), 1);
}

#[test]
fn what_nothing_depends_on_changes_nothing() {
    let mut speaker = Speaker::new();
    let before = speaker.desired().clone();
    for node in ["n1", "n2"] {
        let node_with_label = Node {
            labels: Labels::from([("beta.example/of-no-interest".to_owned(), "yes".to_owned())]),
            ..Node::default()
        };
        speaker.set_node(node, node_with_label);
    }
    let now = speaker.desired();
    assert!(before.verdicts.ptr_eq(&now.verdicts));
    assert!(before.addresses.ptr_eq(&now.addresses));
    assert!(before.peers["tor"].routes.ptr_eq(&now.peers["tor"].routes));
}

#[test]
fn a_node_that_comes_takes_only_what_it_wins() {
    let mut speaker = Speaker::new();
    let before = speaker.desired().clone();
    let mut with_n4 = fixture::snapshot(CLUSTER);
    with_n4.nodes.insert("n4".into(), Arc::default());
    speaker.set_node("n4", Node::default());
    let lost: Vec<_> = before
        .addresses
        .keys()
        .filter(|address| !speaker.desired().addresses.contains_key(*address))
        .collect();
    let n4 = desired_state(&with_n4, &"n4".into());
    assert!(
        lost.iter()
            .all(|address| n4.addresses.contains_key(*address))
    );
    let gained = speaker.desired().addresses.keys();
    assert_eq!(
        gained
            .filter(|address| !before.addresses.contains_key(*address))
            .count(),
        0
    );
}

/// A Service by number: whether it is gold, when it was created, and which address it has; `None`: it goes.
type Step = (usize, Option<(bool, u64, u8)>);

/// Services come, go and change sides; what is announced is worked out beside in the plainest way.
fn contradictions() -> impl Strategy<Value = Vec<Step>> {
    let service = (any::<bool>(), 0..3_u64, 1..5_u8);
    vec((0..5_usize, option::weighted(0.7, service)), 1..40)
}

proptest! {
    #[test]
    fn the_most_senior_of_those_who_contradict_each_other_have_their_way(steps in contradictions()) {
        let mut speaker = Speaker::new();
        for name in ["a/first", "a/second", "a/third", "a/apart"] {
            speaker.delete(name);
        }
        let template = fixture::snapshot(CLUSTER).services[&fixture::key("a/first")].clone();
        let mut present = BTreeMap::new();
        for (index, service) in steps {
            let key = ServiceKey::new("a", format!("s{index}"));
            match service {
                Some((is_gold, created, last)) => {
                    let tier = if is_gold { "gold" } else { "plain" };
                    let address = IpAddr::from([198, 51, 100, last * 6]);
                    let service = Service {
                        labels: Labels::from([("tier".to_owned(), tier.to_owned())]),
                        created: Duration::from_secs(created),
                        ingress: vec![AddressField::Ip(address)],
                        ..Service::clone(&template)
                    };
                    let here = Endpoint { node: Some("n1".into()), ..Endpoint::default() };
                    speaker.snapshot.services.insert(key.clone(), Arc::new(service));
                    speaker.snapshot.endpoints.insert(key.clone(), [here].into_iter().collect());
                    present.insert(key.clone(), (created, is_gold, last * 6 / 16));
                }
                None => {
                    speaker.snapshot.services.remove(&key);
                    present.remove(&key);
                }
            }
            speaker.affect([key], []);

            let mut by_seniority: Vec<_> = present.iter().collect();
            by_seniority.sort_by_key(|(key, (created, ..))| (*created, *key));
            let mut sides = BTreeMap::new();
            for (key, (_, is_gold, prefix)) in by_seniority {
                let side = sides.entry(prefix).or_insert(is_gold);
                let is_announced = speaker.desired().verdicts[key].bgp.announcement().is_some();
                prop_assert_eq!(is_announced, *side == is_gold, "{}", key);
            }
            prop_assert_eq!(speaker.desired(), &desired_state(&speaker.snapshot, &"n1".into()));
        }
    }
}
