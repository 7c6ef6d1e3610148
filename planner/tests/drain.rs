//! Nodes that are asked to let go, and nodes whose speaker ends.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;

use bgp_wire::Community;
use planner::announcements::Announcements;
use planner::departure::Departure;
use planner::desired::{Desired, departing_state, desired_state};
use planner::eligible::Exclusion;
use planner::names::NodeName;
use planner::report::report;
use planner::snapshot::Snapshot;
use planner::verdict::{NotOwner, Reason};

const POOL: &str = "pools: {web: {addresses: [198.51.100.0/24]}}";

/// An address that n1, n2 and n3 would own in another order than by name.
fn cluster(nodes: &str, service: &str) -> Snapshot {
    fixture::snapshot(&format!(
        "{POOL}\nnodes: {nodes}\nl2: {{all: }}\nservices: {{a/web: {{ips: [198.51.100.1], {service}}}}}"
    ))
}

fn owners(snapshot: &Snapshot) -> Vec<&str> {
    let nodes = snapshot.nodes.keys();
    let owning = nodes.filter(|node| !desired_state(snapshot, node).addresses.is_empty());
    owning.map(NodeName::as_str).collect()
}

fn reason<'a>(desired: &'a Desired, key: &str) -> [Option<&'a Reason>; 2] {
    let verdicts = &desired.verdicts[&fixture::key(key)];
    [verdicts.bgp.reason(), verdicts.layer2.reason()]
}

#[test]
fn a_node_that_drains_owns_no_address_that_another_can_have() {
    let everywhere = "endpoints: {n1: [ready], n2: [ready], n3: [ready]}";
    let all = cluster("{n1: , n2: , n3: }", everywhere);
    let [owner] = owners(&all)[..] else {
        panic!("one owner, not {:?}", owners(&all));
    };
    let nodes = ["n1", "n2", "n3"].map(|node| {
        let what = if node == owner {
            "{draining: true}"
        } else {
            ""
        };
        format!("{node}: {what}")
    });
    let draining = cluster(&format!("{{{}}}", nodes.join(", ")), everywhere);
    let [heir] = owners(&draining)[..] else {
        panic!("one heir, not {:?}", owners(&draining));
    };
    assert_ne!(heir, owner);
    let desired = desired_state(&draining, &owner.into());
    let elected = Reason::NotOwner(NotOwner::Elected { owner: heir.into() });
    assert_eq!(reason(&desired, "a/web")[1], Some(&elected));
}

#[test]
fn a_node_that_drains_keeps_what_no_other_can_have() {
    for (nodes, service) in [
        ("{n1: {draining: true}}", "endpoints: {n1: [ready]}"),
        (
            "{n1: {draining: true}, n2: }",
            "local: true, endpoints: {n1: [ready]}",
        ),
        (
            "{n1: {draining: true}, n2: {networkUnavailable: true}}",
            "endpoints: {n1: [ready]}",
        ),
    ] {
        let snapshot = cluster(nodes, service);
        assert_eq!(owners(&snapshot), ["n1"], "{nodes}, {service}");
        let unelected = departing_state(&snapshot, &"n1".into(), Departure::Gone);
        assert_eq!(unelected, desired_state(&snapshot, &"n1".into()));
    }
}

#[test]
fn of_nodes_that_drain_alone_the_best_one_owns() {
    let service = "endpoints: {n1: [ready]}";
    let all = cluster("{n1: , n2: , n3: }", service);
    let draining = "{n1: {draining: true}, n2: {draining: true}, n3: {draining: true}}";
    assert_eq!(owners(&cluster(draining, service)), owners(&all));
}

#[test]
fn the_plan_says_that_a_node_is_passed_over_since_it_drains() {
    let snapshot = cluster("{n1: {draining: true}, n2: }", "endpoints: {n2: [ready]}");
    let report = report(&snapshot, snapshot.nodes.keys());
    let address = report.addresses.values().next();
    let excluded = address.map(|address| address.excluded.clone());
    assert_eq!(excluded, Some([("n1".into(), Exclusion::Draining)].into()));
    assert_eq!(
        Exclusion::Draining.to_string(),
        "it has the annotation ferrolb.io/drain"
    );
}

const BGP: &str = "
pools: {web: {addresses: [198.51.100.0/24]}}
nodes: {n1: {draining: true}, n2: }
peers:
  far: {my: 64512, peer: \"64513\", address: 203.0.113.1}
  near: {my: 64512, peer: \"64512\", address: 203.0.113.2}
bgp: {all: {localPref: 200, communities: [\"64512:1\"]}}
services: {a/web: {ips: [198.51.100.1], endpoints: {n1: [ready]}}}
";

#[test]
fn a_node_that_drains_announces_nothing_by_bgp_and_says_what_would_undo_it() {
    let snapshot = fixture::snapshot(BGP);
    let desired = desired_state(&snapshot, &"n1".into());
    assert!(desired.peers.values().all(|peer| peer.routes.is_empty()));
    assert_eq!(desired.peers.len(), 2, "the sessions stay");
    let [bgp, _] = reason(&desired, "a/web");
    assert_eq!(bgp, Some(&Reason::Draining));
    let remedy = bgp.and_then(Reason::remedy).unwrap_or_default();
    assert!(remedy.contains("ferrolb drain --undo"), "{remedy}");
    let other = desired_state(&snapshot, &"n2".into());
    assert!(other.peers.values().all(|peer| peer.routes.len() == 1));
}

#[test]
fn routes_that_will_go_say_so_and_are_the_last_choice_within_the_as() {
    let snapshot = fixture::snapshot(BGP);
    let staying = departing_state(&snapshot, &"n1".into(), Departure::Staying);
    let leaving = departing_state(&snapshot, &"n1".into(), Departure::Announced);
    let attributes = |desired: &Desired, peer: &str| {
        let mut routes = desired.peers[peer].routes.values();
        let route = routes.next().map(|route| &route.attributes);
        route.map(|attributes| (attributes.local_pref, attributes.communities.clone()))
    };
    let own = Community::new(64512, 1);
    assert_eq!(
        attributes(&staying, "near"),
        Some((Some(200), BTreeSet::from([own])))
    );
    let shutdown = BTreeSet::from([own, Community::GRACEFUL_SHUTDOWN]);
    assert_eq!(
        attributes(&leaving, "near"),
        Some((Some(0), shutdown.clone()))
    );
    assert_eq!(attributes(&leaving, "far"), Some((None, shutdown)));
    assert_eq!(
        staying.verdicts, leaving.verdicts,
        "what is announced is announced still"
    );
}

#[test]
fn a_node_whose_speaker_ends_announces_nothing_at_all() {
    let snapshot = cluster("{n1: }", "endpoints: {n1: [ready]}");
    let mut announcements = Announcements::new("n1".into());
    announcements.decide_anew(&snapshot);
    assert_eq!(announcements.desired().addresses.len(), 1);
    announcements.set_departure(&snapshot, Departure::Gone);
    assert!(announcements.desired().addresses.is_empty());
    let [_, layer2] = reason(announcements.desired(), "a/web");
    assert_eq!(layer2, Some(&Reason::Draining));
    announcements.set_departure(&snapshot, Departure::Staying);
    assert_eq!(announcements.desired().addresses.len(), 1);
}
