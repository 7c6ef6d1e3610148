//! Every reason for which a node announces nothing, each reached by a snapshot.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;

use planner::desired::desired_state;
use planner::names::NodeName;
use planner::verdict::{Conflict, Missing, NotOwner, PeerVerdict, Reason, Verdicts};

/// What node n1 does about Service default/web, in a cluster of `base` and `more`.
fn verdicts(more: &str) -> Verdicts {
    let snapshot = fixture::snapshot(&format!("{BASE}{more}"));
    let mut desired = desired_state(&snapshot, &NodeName::from("n1"));
    desired
        .verdicts
        .remove(&fixture::key("default/web"))
        .expect("a verdict for every Service")
}

fn bgp(more: &str) -> Reason {
    verdicts(more)
        .bgp
        .reason()
        .expect("not announced by BGP")
        .clone()
}

fn layer2(more: &str) -> Reason {
    verdicts(more)
        .layer2
        .reason()
        .expect("not announced by layer 2")
        .clone()
}

/// Both protocols withhold the Service for one reason.
fn both(more: &str) -> Reason {
    let reason = bgp(more);
    assert_eq!(reason, layer2(more));
    reason
}

const BASE: &str = "
pools:
  web: {addresses: [198.51.100.0/24]}
  other: {addresses: [203.0.113.128/25]}
";

const NODES: &str = "
nodes: {n1: , n2: }
";

const ADVERTISEMENTS: &str = "
bgp: {everything: }
l2: {everything: }
";

#[test]
fn a_service_with_an_advertisement_and_an_endpoint_is_announced() {
    let verdicts = verdicts(
        "
nodes: {n1: }
bgp: {everything: }
l2: {everything: }
services: {default/web: {ips: [198.51.100.1], endpoints: {n2: [ready]}}}",
    );
    assert!(verdicts.bgp.announcement().is_some() && verdicts.layer2.announcement().is_some());
}

#[test]
fn another_type_is_not_load_balancer() {
    let reason = both("services: {default/web: {otherType: true, ips: [198.51.100.1]}}");
    assert_eq!(reason, Reason::NotLoadBalancer);
    assert_eq!(reason.code(), "notLoadBalancer");
}

#[test]
fn another_class_is_not_ours() {
    let reason = both("services: {default/web: {class: theirs, ips: [198.51.100.1]}}");
    assert_eq!(
        reason,
        Reason::NotOurClass {
            class: Some("theirs".to_owned())
        }
    );
    let reason = both("options: {class: ours}\nservices: {default/web: {ips: [198.51.100.1]}}");
    assert_eq!(reason, Reason::NotOurClass { class: None });
    assert_eq!(reason.code(), "notOurClass");
}

#[test]
fn without_an_address_it_is_no_ip_allocated() {
    let reason = both("services: {default/web: }");
    assert_eq!(
        (reason.code(), &reason),
        ("noIPAllocated", &Reason::NoIpAllocated)
    );
}

#[test]
fn a_status_that_is_no_address_is_an_invalid_ip() {
    let reason = both("services: {default/web: {ips: [198.51.100.1, bogus]}}");
    assert_eq!(
        (reason.code(), &reason),
        (
            "invalidIP",
            &Reason::InvalidIp {
                text: "bogus".to_owned()
            }
        )
    );
}

#[test]
fn addresses_outside_one_pool_are_not_allowed() {
    for ips in ["192.0.2.1", "198.51.100.1, 203.0.113.129"] {
        let reason = both(&format!("services: {{default/web: {{ips: [{ips}]}}}}"));
        assert!(matches!(reason, Reason::IpNotAllowed { .. }), "{reason}");
        assert_eq!(reason.code(), "ipNotAllowed");
    }
}

#[test]
fn the_node_that_lost_the_election_is_not_owner() {
    // SHA-256("n2#198.51.100.1") begins with 01, SHA-256("n1#198.51.100.1") with cb.
    let reason = layer2(&format!(
        "{NODES}{ADVERTISEMENTS}services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    ));
    assert_eq!(
        reason,
        Reason::NotOwner(NotOwner::Elected { owner: "n2".into() })
    );
    assert_eq!(reason.code(), "notOwner");
}

#[test]
fn without_a_candidate_nobody_is_owner() {
    let reason = layer2(&format!(
        "{NODES}{ADVERTISEMENTS}services: {{default/web: {{local: true, ips: [198.51.100.1], endpoints: {{n9: [ready]}}}}}}"
    ));
    assert_eq!(reason, Reason::NotOwner(NotOwner::NoCandidate));
}

#[test]
fn an_owner_without_endpoints_of_a_sharing_service_cannot_serve_it() {
    let reason = layer2(&format!(
        "{NODES}{ADVERTISEMENTS}services:
  default/z-elder: {{created: 1, share: x, local: true, ips: [198.51.100.1], endpoints: {{n2: [ready]}}}}
  default/web: {{created: 2, share: x, local: true, ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}"
    ));
    assert_eq!(
        reason,
        Reason::NotOwner(NotOwner::OwnerCannotServe { owner: "n2".into() })
    );
}

#[test]
fn without_a_usable_endpoint_layer_2_has_no_owner_and_bgp_no_endpoints() {
    let more = format!(
        "{NODES}{ADVERTISEMENTS}services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [starting]}}}}}}"
    );
    assert!(
        matches!(layer2(&more), Reason::NotOwner(NotOwner::NoEndpoints { total }) if total.unusable == 1)
    );
    let reason = bgp(&more);
    assert!(matches!(reason, Reason::NoEndpoints { total } if total.unusable == 1));
    assert_eq!(reason.code(), "noEndpoints");
}

#[test]
fn a_pool_without_advertisement_on_the_node_is_not_owner_by_bgp_and_no_match_by_layer_2() {
    let service = "services: {default/web: {ips: [198.51.100.1], endpoints: {n1: [ready]}}}";
    let cases = [
        (
            "bgp: {b: {pools: [other]}}\nl2: {l: {pools: [other]}}",
            Missing::Pool,
        ),
        (
            "bgp: {b: {nodes: [{a: b}]}}\nl2: {l: {nodes: [{a: b}]}}",
            Missing::Node,
        ),
    ];
    for (advertisements, missing) in cases {
        let more = format!("{NODES}{advertisements}\n{service}");
        let (by_bgp, by_layer2) = (bgp(&more), layer2(&more));
        assert!(
            matches!(&by_bgp, Reason::NotOwner(NotOwner::NotAdvertisedHere(why)) if why.missing == missing)
        );
        assert!(
            matches!(&by_layer2, Reason::NoMatchingAdvertisement(why) if why.missing == missing)
        );
        assert_eq!(
            (by_bgp.code(), by_layer2.code()),
            ("notOwner", "noMatchingAdvertisement")
        );
    }
}

#[test]
fn a_service_that_no_advertisement_selects_has_no_match() {
    let reason = both_services_selector();
    for reason in reason {
        assert!(
            matches!(&reason, Reason::NoMatchingAdvertisement(why) if why.missing == Missing::Service)
        );
    }
}

fn both_services_selector() -> [Reason; 2] {
    let more = format!(
        "{NODES}bgp: {{b: {{services: [{{a: b}}]}}}}\nl2: {{l: {{services: [{{a: b}}]}}}}\n\
         services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    );
    [bgp(&more), layer2(&more)]
}

#[test]
fn a_sharing_key_and_service_selectors_do_not_go_together() {
    let reason = layer2(&format!(
        "{NODES}l2: {{picky: {{services: [{{a: b}}]}}, other: }}\n\
         services: {{default/web: {{share: x, labels: {{a: b}}, ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    ));
    assert_eq!(
        reason,
        Reason::SharedIpWithServiceSelector {
            advertisement: "picky".into()
        }
    );
    assert_eq!(reason.code(), "sharedIPWithServiceSelector");
}

#[test]
fn a_sharing_service_that_the_selectors_do_not_mean_is_announced() {
    let verdicts = verdicts(
        "nodes: {n1: }\nl2: {picky: {services: [{a: b}]}, other: }\n\
         services: {default/web: {share: x, ips: [198.51.100.1], endpoints: {n1: [ready]}}}",
    );
    assert!(verdicts.layer2.announcement().is_some());
}

#[test]
fn different_local_prefs_for_one_prefix_conflict() {
    let reason = bgp(&format!(
        "{NODES}bgp: {{one: {{localPref: 100}}, two: {{localPref: 200, peers: [r]}}}}\n\
         services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    ));
    let conflict = Conflict::Advertisements("one".into(), "two".into());
    assert_eq!(reason, Reason::ConflictingAdvertisements(conflict));
    assert_eq!(reason.code(), "conflictingAdvertisements");
}

#[test]
fn different_local_prefs_do_not_conflict_for_other_peers_or_lengths() {
    for advertisements in [
        "{one: {localPref: 100, peers: [r]}, two: {localPref: 200, peers: [s]}}",
        "{one: {localPref: 100}, two: {localPref: 200, aggregation: 24}}",
    ] {
        let verdicts = verdicts(&format!(
            "{NODES}bgp: {advertisements}\nservices: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
        ));
        assert!(verdicts.bgp.announcement().is_some(), "{advertisements}");
    }
}

#[test]
fn of_two_services_that_share_a_prefix_the_older_has_its_local_pref() {
    let reason = bgp(&format!(
        "{NODES}peers: {{r: {{my: 1, peer: internal, address: 203.0.113.1}}}}
bgp: {{gold: {{localPref: 200, services: [{{tier: gold}}]}}, rest: {{localPref: 100, services: [{{tier: rest}}]}}}}
services:
  default/z-elder: {{created: 1, share: x, labels: {{tier: gold}}, ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}
  default/web: {{created: 2, share: x, labels: {{tier: rest}}, ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}"
    ));
    assert_eq!(
        reason,
        Reason::ConflictingAdvertisements(Conflict::Service(fixture::key("default/z-elder")))
    );
}

#[test]
fn a_node_without_network_announces_nothing_by_bgp() {
    let reason = bgp(&format!(
        "nodes: {{n1: {{networkUnavailable: true}}}}{ADVERTISEMENTS}\
         services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    ));
    assert_eq!(
        (reason.code(), &reason),
        ("nodeNetworkUnavailable", &Reason::NodeNetworkUnavailable)
    );
}

#[test]
fn the_exclude_label_counts_unless_it_is_ignored() {
    let more = format!(
        "nodes: {{n1: {{labels: {{node.kubernetes.io/exclude-from-external-load-balancers: \"\"}}}}}}{ADVERTISEMENTS}\
         services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n1: [ready]}}}}}}"
    );
    let reason = bgp(&more);
    assert_eq!(
        (reason.code(), &reason),
        (
            "nodeLabeledExcludeBalancers",
            &Reason::NodeLabeledExcludeBalancers
        )
    );
    assert_eq!(layer2(&more), Reason::NotOwner(NotOwner::NoCandidate));
    let ignoring = verdicts(&format!("options: {{ignoreExcludeLabel: true}}\n{more}"));
    assert!(ignoring.bgp.announcement().is_some() && ignoring.layer2.announcement().is_some());
}

#[test]
fn traffic_policy_local_needs_an_endpoint_on_the_node() {
    let reason = bgp(&format!(
        "{NODES}{ADVERTISEMENTS}services: {{default/web: {{local: true, ips: [198.51.100.1], endpoints: {{n2: [ready]}}}}}}"
    ));
    assert!(
        matches!(reason, Reason::NoLocalEndpoints { here, total } if here.usable == 0 && total.usable == 1)
    );
    assert_eq!(reason.code(), "noLocalEndpoints");
}

#[test]
fn a_node_that_nothing_is_known_of_announces_nothing() {
    let verdicts = verdicts(&format!(
        "nodes: {{n2: }}\npeers: {{r: {{my: 1, peer: \"2\", address: 203.0.113.1}}}}{ADVERTISEMENTS}\
         services: {{default/web: {{ips: [198.51.100.1], endpoints: {{n2: [ready]}}}}}}"
    ));
    assert!(verdicts.bgp.announcement().is_none() && verdicts.layer2.announcement().is_none());
}

#[test]
fn a_peer_is_told_or_not_for_one_of_three_reasons() {
    let verdicts = verdicts(
        "nodes: {n1: }
peers:
  told: {my: 1, peer: \"2\", address: 203.0.113.1}
  six: {my: 1, peer: \"2\", address: \"2001:db8::1\"}
  unnamed: {my: 1, peer: \"2\", address: 203.0.113.2}
bgp: {some: {peers: [told, six]}}
services: {default/web: {ips: [198.51.100.1], endpoints: {n1: [ready]}}}",
    );
    let peers = &verdicts.bgp.announcement().unwrap().peers;
    assert!(matches!(peers["told"], PeerVerdict::Advertised(_)));
    assert!(matches!(peers["six"], PeerVerdict::FamilyNotCarried(_)));
    assert!(matches!(peers["unnamed"], PeerVerdict::NotNamed));
    let texts: BTreeSet<String> = peers.values().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 3);
}
