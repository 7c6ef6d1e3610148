//! What a node tells the world, from what it wants and what its drivers see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;

use imbl::OrdSet;
use planner::desired::{Desired, desired_state};
use planner::effect::{
    Component, ConditionStatus, ConfigurationResult, ConfigurationState, Effect, EventReason,
    Problem, Severity, StatusAbout, StatusBody, StatusId,
};
use planner::names::{NodeName, ServiceKey};
use planner::observed::{Observed, SessionObserved};
use planner::status::{NodeStatus, Statuses, configuration_state, node_status};

const CLUSTER: &str = "
nodes: {n1: }
pools: {web: {addresses: [198.51.100.0/24]}}
peers:
  one: {my: 64512, peer: \"64513\", address: 203.0.113.1}
  two: {my: 64512, peer: \"64513\", address: 203.0.113.2}
bgp: {everything: }
l2: {some: {interfaces: [eth1, eth0, eth9]}}
services: {default/web: {ips: [198.51.100.1], endpoints: {n1: [ready]}}}
";

fn me() -> NodeName {
    NodeName::from("n1")
}

fn desired() -> Desired {
    desired_state(&fixture::snapshot(CLUSTER), &me())
}

fn observed(interfaces: &[&str], peers: &[&str]) -> Observed {
    let sent = OrdSet::unit("198.51.100.1/32".parse().unwrap());
    Observed {
        sessions: peers
            .iter()
            .map(|peer| {
                let sent = sent.clone();
                let session = SessionObserved {
                    sent,
                    ..SessionObserved::default()
                };
                ((*peer).into(), session)
            })
            .collect(),
        interfaces: interfaces.iter().map(|name| (*name).into()).collect(),
    }
}

fn id(about: fn(ServiceKey) -> StatusAbout, node: &str) -> StatusId {
    StatusId {
        node: node.into(),
        about: about(fixture::key("default/web")),
    }
}

#[test]
fn layer_2_status_shows_the_named_interfaces_that_exist_sorted() {
    let status = node_status(&desired(), &observed(&["eth1", "eth0", "lo"], &[]), &me());
    let interfaces = BTreeSet::from(["eth0".into(), "eth1".into()]);
    let body = status.statuses.get(&id(StatusAbout::Layer2, "n1"));
    assert_eq!(body, Some(&StatusBody::Layer2 { interfaces }));
}

#[test]
fn an_owner_without_any_usable_interface_says_so_and_claims_nothing() {
    let anywhere = CLUSTER.replace("{interfaces: [eth1, eth0, eth9]}", "");
    let desired = desired_state(&fixture::snapshot(&anywhere), &me());
    let status = node_status(&desired, &observed(&[], &[]), &me());
    let layer2 = id(StatusAbout::Layer2, "n1");
    assert_eq!(status.statuses.get(&layer2), None);
    let mut failed = status
        .events
        .iter()
        .filter(|event| event.reason == EventReason::AnnounceFailed);
    let message = failed.next().map(|event| event.message.as_str());
    let expected = "no interface for LB IP \"198.51.100.1\" is usable in assigned node \"n1\" with protocol \"layer2\"";
    assert_eq!(message, Some(expected));
    assert_eq!(failed.next(), None);

    let status = node_status(&desired, &observed(&["eth0"], &[]), &me());
    let everywhere = StatusBody::Layer2 {
        interfaces: BTreeSet::new(),
    };
    assert_eq!(status.statuses.get(&layer2), Some(&everywhere));
}

#[test]
fn bgp_status_lists_only_peers_that_were_sent_a_prefix() {
    let bgp = id(StatusAbout::Bgp, "n1");
    let status = node_status(&desired(), &observed(&["eth0"], &["two"]), &me());
    let body = StatusBody::Bgp {
        peers: BTreeSet::from(["two".into()]),
    };
    assert_eq!(status.statuses.get(&bgp), Some(&body));
    let status = node_status(&desired(), &observed(&["eth0"], &[]), &me());
    assert_eq!(status.statuses.get(&bgp), None);
}

#[test]
fn an_announced_service_is_told_of_once_for_each_protocol() {
    let status = node_status(&desired(), &observed(&["eth0"], &["one"]), &me());
    let texts: Vec<&str> = status
        .events
        .iter()
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "announcing from node \"n1\" with protocol \"bgp\"",
            "announcing from node \"n1\" with protocol \"layer2\""
        ]
    );
    assert!(
        status
            .events
            .iter()
            .all(|event| event.reason == EventReason::NodeAssigned)
    );
    assert_eq!(
        status
            .effects(&me(), &status.statuses, &BTreeSet::new())
            .len(),
        2
    );
    assert_eq!(
        status.effects(&me(), &status.statuses, &status.events),
        vec![]
    );
    assert_eq!(
        NodeStatus::told_before(&me(), &status.statuses),
        status.events
    );
}

#[test]
fn interfaces_that_do_not_exist_are_an_announce_failure() {
    let status = node_status(&desired(), &observed(&["wlan0"], &["one"]), &me());
    assert!(!status.statuses.contains_key(&id(StatusAbout::Layer2, "n1")));
    let failed: Vec<_> = status
        .events
        .iter()
        .filter(|event| event.reason == EventReason::AnnounceFailed)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        failed[0].message,
        "the interfaces specified by LB IP \"198.51.100.1\" doesn't exist in assigned node \"n1\" with protocol \
         \"layer2\""
    );
    assert_eq!(failed[0].reason.source_component(), "metallb-speaker");
}

#[test]
fn a_new_owner_deletes_the_status_of_the_old_one_and_leaves_other_objects_alone() {
    let status = node_status(&desired(), &observed(&["eth0"], &["one"]), &me());
    let mut written: Statuses = status.statuses.clone();
    for kind in [StatusAbout::Layer2, StatusAbout::Bgp] {
        written.insert(
            id(kind, "n2"),
            StatusBody::Bgp {
                peers: BTreeSet::new(),
            },
        );
    }
    let effects = status.effects(&me(), &written, &status.events);
    assert_eq!(
        effects,
        [Effect::DeleteStatus {
            id: id(StatusAbout::Layer2, "n2")
        }]
    );
}

#[test]
fn a_service_that_is_gone_takes_its_statuses_along() {
    let before = node_status(&desired(), &observed(&["eth0"], &["one"]), &me());
    let after = node_status(&Desired::default(), &Observed::default(), &me());
    let deleted = after.effects(&me(), &before.statuses, &before.events);
    let ids = before.statuses.into_keys();
    assert_eq!(
        deleted,
        ids.map(|id| Effect::DeleteStatus { id })
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_configuration_in_force_is_valid() {
    let state = configuration_state(Component::Controller, &[]);
    assert_eq!(
        (state.result, state.error_summary.as_str()),
        (ConfigurationResult::Valid, "")
    );
    let [condition] = &state.conditions[..] else {
        panic!("one condition")
    };
    assert_eq!(
        (condition.condition_type.as_str(), condition.status),
        ("poolReconcilerValid", ConditionStatus::True)
    );
    assert_eq!(condition.reason, "Reconciled");
}

#[test]
fn each_object_that_is_not_in_force_has_its_condition() {
    let problem = |name: &str, message: &str| Problem {
        kind: "BGPPeer".to_owned(),
        name: name.to_owned(),
        message: message.to_owned(),
        severity: Severity::Fault,
    };
    let problems = [
        problem("one", "not supported yet: vrf"),
        problem("two", "myASN: must not be 0"),
    ];
    let state = configuration_state(Component::Speaker(me()), &problems);
    assert_eq!(state.result, ConfigurationResult::Invalid);
    assert_eq!(
        state.error_summary,
        "BGPPeer one: not supported yet: vrf\nBGPPeer two: myASN: must not be 0"
    );
    let types: Vec<&str> = state
        .conditions
        .iter()
        .map(|condition| condition.condition_type.as_str())
        .collect();
    assert_eq!(
        types,
        [
            "configReconcilerValid",
            "bgppeer.metallb.io/one",
            "bgppeer.metallb.io/two"
        ]
    );
    assert!(
        state
            .conditions
            .iter()
            .all(|condition| condition.status == ConditionStatus::False)
    );
}

#[test]
fn two_problems_of_one_object_are_one_condition() {
    let problem = |message: &str| Problem {
        kind: "BGPPeer".to_owned(),
        name: "tor".to_owned(),
        message: message.to_owned(),
        severity: Severity::Fault,
    };
    let state = configuration_state(Component::Controller, &[problem("one"), problem("two")]);
    let types: Vec<&str> = state
        .conditions
        .iter()
        .map(|condition| condition.condition_type.as_str())
        .collect();
    assert_eq!(types, ["poolReconcilerValid", "bgppeer.metallb.io/tor"]);
    assert_eq!(state.error_summary, "BGPPeer tor: one; two");
}

#[test]
fn a_warning_is_a_condition_that_is_true_and_leaves_the_configuration_valid() {
    let problem = |name: &str, severity| Problem {
        kind: "IPAddressPool".to_owned(),
        name: name.to_owned(),
        message: "overlaps".to_owned(),
        severity,
    };
    let warnings = [problem("a", Severity::Warning)];
    let state = configuration_state(Component::Controller, &warnings);
    assert_eq!(state.result, ConfigurationResult::Valid);
    assert_eq!(state.error_summary, "");
    let told = |state: &ConfigurationState| -> Vec<(ConditionStatus, &str)> {
        let conditions = state.conditions.iter();
        conditions
            .map(|condition| (condition.status, condition.reason))
            .collect()
    };
    let (valid, warning) = (
        (ConditionStatus::True, "Reconciled"),
        (ConditionStatus::True, "Warning"),
    );
    assert_eq!(told(&state), [valid, warning]);
    let both = [
        problem("a", Severity::Warning),
        problem("a", Severity::Fault),
    ];
    let state = configuration_state(Component::Controller, &both);
    let fault = (ConditionStatus::False, "ConfigurationError");
    assert_eq!(told(&state), [fault, fault], "a fault outweighs a warning");
    assert_eq!(state.error_summary, "IPAddressPool a: overlaps; overlaps");
}
