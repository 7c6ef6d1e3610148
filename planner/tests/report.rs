//! What a report says for people.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod fixture;

use ipnet::IpNet;
use planner::eligible::Exclusion;
use planner::names::NodeName;
use planner::report::{Report, report};

fn whole(yaml: &str) -> Report {
    let snapshot = fixture::snapshot(yaml);
    report(&snapshot, snapshot.nodes.keys())
}

fn trouble(yaml: &str) -> (String, String) {
    let mut report = whole(yaml);
    let service = report
        .services
        .remove(&fixture::key("default/web"))
        .unwrap();
    let trouble = service.trouble.expect("something is wrong");
    (trouble.problem, trouble.remedy)
}

#[test]
fn addresses_that_are_not_assigned_yet_are_reported_with_owner_and_routes() {
    let report = whole(
        "nodes: {n1: , n2: , n3: {networkUnavailable: true}}
pools: {web: {addresses: [198.51.100.1/32]}}
peers: {r: {my: 64512, peer: \"64513\", address: 203.0.113.1}}
bgp: {everything: }
l2: {everything: }
services: {default/web: {endpoints: {n1: [ready]}}}",
    );
    let service = &report.services[&fixture::key("default/web")];
    assert_eq!(service.trouble, None);
    assert_eq!(service.layer2, Some("n2".into()));
    assert_eq!(service.bgp, ["n1".into(), "n2".into()].into());
    let address = &report.addresses[&"198.51.100.1".parse().unwrap()];
    let ranking: Vec<&str> = address
        .ranking
        .iter()
        .map(|ranked| ranked.node.as_str())
        .collect();
    assert_eq!(ranking, ["n2", "n1"]);
    assert_eq!(address.owner(), Some(&NodeName::from("n2")));
    assert_eq!(
        address.excluded[&NodeName::from("n3")],
        Exclusion::NetworkUnavailable
    );
    assert!(
        report.nodes["n1"].peers["r"]
            .routes
            .contains_key(&"198.51.100.1/32".parse::<IpNet>().unwrap())
    );
    assert_eq!(report.usage[&"web".into()].available_ipv4, 0);
}

#[test]
fn a_refused_service_says_what_is_wrong_and_what_would_help() {
    let (problem, remedy) = trouble("services: {default/web: }");
    assert!(problem.contains("no pools"), "{problem}");
    assert_eq!(remedy, "create an IPAddressPool");
}

#[test]
fn an_address_that_nobody_announces_says_which_advertisement_is_missing() {
    let (problem, remedy) = trouble(
        "nodes: {n1: }
pools: {web: {addresses: [198.51.100.1/32]}}
services: {default/web: {endpoints: {n1: [ready]}}}",
    );
    assert_eq!(
        problem,
        "nobody announces it: no advertisement selects pool web"
    );
    assert_eq!(
        remedy,
        "create an L2Advertisement or a BGPAdvertisement with ipAddressPools: [web]"
    );
}

#[test]
fn a_service_without_usable_endpoints_says_how_many_there_are() {
    let (problem, remedy) = trouble(
        "nodes: {n1: }
pools: {web: {addresses: [198.51.100.1/32]}}
l2: {everything: }
services: {default/web: {endpoints: {n1: [starting, starting]}}}",
    );
    assert_eq!(
        problem,
        "nobody announces it: the Service has 2 endpoints, none ready"
    );
    assert_eq!(remedy, "make at least one endpoint of the Service ready");
}

#[test]
fn reasons_are_gathered_over_the_nodes() {
    let (problem, remedy) = trouble(
        "nodes: {n1: , n2: {networkUnavailable: true}}
pools: {web: {addresses: [198.51.100.1/32]}}
bgp: {everything: }
services: {default/web: {endpoints: {n1: [ready]}}}",
    );
    assert_eq!(
        problem,
        "nobody announces it: no BGPPeer selects this node (n1); the node's condition NetworkUnavailable is true (n2)"
    );
    assert_eq!(
        remedy,
        "create a BGPPeer, or make nodeSelectors of one match the node"
    );
}

#[test]
fn a_service_whose_owner_was_not_asked_for_is_in_no_trouble() {
    let snapshot = fixture::snapshot(
        "nodes: {n1: , n2: }
pools: {web: {addresses: [198.51.100.1/32]}}
l2: {everything: }
services: {default/web: {endpoints: {n1: [ready]}}}",
    );
    let report = report(&snapshot, [&NodeName::from("n1")]);
    assert_eq!(report.services[&fixture::key("default/web")].trouble, None);
}
