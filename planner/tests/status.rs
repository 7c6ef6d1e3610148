//! What a node tells the world, from what it wants and what its drivers see.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;
use std::net::IpAddr;

use imbl::OrdSet;
use planner::desired::{Desired, desired_state};
use planner::effect::{
    Component, ConditionStatus, ConfigurationResult, ConfigurationState, EventReason, Problem,
    SessionSummary, Severity, StatusAbout, StatusBody, StatusId,
};
use planner::names::{NodeName, PeerName, ServiceKey};
use planner::observed::{Conflict, Observed, SessionObserved, SessionState};
use planner::status::{News, NodeStatus, Statuses, configuration_state, node_status};

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
                    state: SessionState::Established,
                    sent,
                    ..SessionObserved::default()
                };
                ((*peer).into(), session)
            })
            .collect(),
        interfaces: interfaces.iter().map(|name| (*name).into()).collect(),
        ..Observed::default()
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
    let (statuses, _) = node_status(&desired(), &observed(&["eth1", "eth0", "lo"], &[]), &me());
    let interfaces = BTreeSet::from(["eth0".into(), "eth1".into()]);
    let body = statuses.get(&id(StatusAbout::Layer2, "n1"));
    assert_eq!(body, Some(&StatusBody::Layer2 { interfaces }));
}

#[test]
fn an_owner_without_any_usable_interface_says_so_and_claims_nothing() {
    let anywhere = CLUSTER.replace("{interfaces: [eth1, eth0, eth9]}", "");
    let desired = desired_state(&fixture::snapshot(&anywhere), &me());
    let (statuses, news) = node_status(&desired, &observed(&[], &[]), &me());
    let layer2 = id(StatusAbout::Layer2, "n1");
    assert_eq!(statuses.get(&layer2), None);
    let mut failed = news
        .events
        .iter()
        .filter(|event| event.reason == EventReason::AnnounceFailed);
    let message = failed.next().map(|event| event.message.as_str());
    let expected = "no interface for LB IP \"198.51.100.1\" is usable in assigned node \"n1\" with protocol \"layer2\"";
    assert_eq!(message, Some(expected));
    assert_eq!(failed.next(), None);

    let (statuses, _) = node_status(&desired, &observed(&["eth0"], &[]), &me());
    let everywhere = StatusBody::Layer2 {
        interfaces: BTreeSet::new(),
    };
    assert_eq!(statuses.get(&layer2), Some(&everywhere));
}

#[test]
fn bgp_status_lists_only_peers_that_were_sent_a_prefix() {
    let bgp = id(StatusAbout::Bgp, "n1");
    let (statuses, _) = node_status(&desired(), &observed(&["eth0"], &["two"]), &me());
    let body = StatusBody::Bgp {
        peers: BTreeSet::from(["two".into()]),
    };
    assert_eq!(statuses.get(&bgp), Some(&body));
    let (statuses, _) = node_status(&desired(), &observed(&["eth0"], &[]), &me());
    assert_eq!(statuses.get(&bgp), None);
}

#[test]
fn an_announced_service_is_told_of_once_for_each_protocol() {
    let (_, news) = node_status(&desired(), &observed(&["eth0"], &["one"]), &me());
    let mut texts: Vec<&str> = news
        .events
        .iter()
        .map(|event| event.message.as_str())
        .collect();
    texts.sort_unstable();
    assert_eq!(
        texts,
        [
            "announcing from node \"n1\" with protocol \"bgp\"",
            "announcing from node \"n1\" with protocol \"layer2\""
        ]
    );
    let mut reasons = news.events.iter().map(|event| event.reason);
    assert!(reasons.all(|reason| reason == EventReason::NodeAssigned));
}

/// What a node has to tell whose process has just told what `statuses` say.
fn restarted(statuses: &Statuses) -> NodeStatus {
    NodeStatus::new(me(), statuses)
}

#[test]
fn a_restart_that_changes_nothing_has_nothing_to_write_or_tell() {
    let observed = observed(&["eth0"], &["one", "two"]);
    let (statuses, _) = node_status(&desired(), &observed, &me());
    let mut again = restarted(&statuses);
    assert_eq!(again.update(&desired(), &observed), News::default());
    assert_eq!(again.statuses(), &statuses);
}

#[test]
fn sessions_of_a_restart_have_their_chance_before_their_status_goes() {
    let (statuses, _) = node_status(&desired(), &observed(&["eth0"], &["one", "two"]), &me());
    let mut again = restarted(&statuses);
    let down = observed(&["eth0"], &[]);
    assert_eq!(again.update(&desired(), &down), News::default());
    assert!(again.is_waiting());
    // One of them comes back, and the other has had its time.
    let one = observed(&["eth0"], &["one"]);
    assert_eq!(again.update(&desired(), &one), News::default());
    let bgp = id(StatusAbout::Bgp, "n1");
    assert!(again.stop_waiting().statuses.contains(&bgp));
    let peers = BTreeSet::from(["one".into()]);
    assert_eq!(again.statuses().get(&bgp), Some(&StatusBody::Bgp { peers }));
}

#[test]
fn what_a_process_left_behind_about_services_that_are_gone_goes_at_once() {
    let (statuses, _) = node_status(&desired(), &observed(&["eth0"], &["one"]), &me());
    let mut again = restarted(&statuses);
    let news = again.update(&Desired::default(), &Observed::default());
    assert_eq!(news.statuses, statuses.into_keys().collect());
    assert_eq!(again.statuses(), &Statuses::new());
}

#[test]
fn the_status_of_a_session_goes_with_its_peer() {
    let mut status = restarted(&Statuses::new());
    status.update(&desired(), &observed(&[], &["one"]));
    let about_two = StatusId {
        node: me(),
        about: StatusAbout::Session("two".into()),
    };
    assert!(status.statuses().contains_key(&about_two));
    let mut without_two = desired();
    without_two.peers.remove(&PeerName::new("two"));
    let mut news = || status.update(&without_two, &observed(&[], &["one"]));
    assert_eq!(news().statuses, BTreeSet::from([about_two]));
    assert_eq!(news(), News::default());
}

#[test]
fn a_session_that_comes_and_goes_is_told_of_once() {
    let mut status = restarted(&Statuses::new());
    let (up, down) = (observed(&[], &["one"]), observed(&[], &[]));
    let mut told = |observed| status.update(&desired(), observed).events.len();
    // There is no link for layer 2, which is told of too.
    assert_eq!(
        [told(&down), told(&up), told(&down), told(&up)],
        [1, 1, 0, 0]
    );
    assert_eq!(status.update(&Desired::default(), &up).events, []);
    assert_eq!(status.update(&desired(), &up).events.len(), 2);
}

#[test]
fn a_peer_has_a_session_status_with_what_was_agreed_and_sent() {
    let (statuses, _) = node_status(&desired(), &observed(&[], &["one"]), &me());
    let session = |peer: &str| {
        let about = StatusAbout::Session(peer.into());
        match statuses.get(&StatusId { node: me(), about }) {
            Some(StatusBody::Session(session)) => session.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (one, two) = (session("one"), session("two"));
    assert_eq!((one.state, one.sent), (SessionSummary::Established, 1));
    assert_eq!((two.state, two.sent), (SessionSummary::Down, 0));
    assert_eq!(one.address.to_string(), "203.0.113.1");
    assert_eq!(
        (one.local_as.0, one.peer_as.map(|asn| asn.0)),
        (64512, Some(64513))
    );
}

#[test]
fn interfaces_that_do_not_exist_are_an_announce_failure() {
    let (statuses, news) = node_status(&desired(), &observed(&["wlan0"], &["one"]), &me());
    assert!(!statuses.contains_key(&id(StatusAbout::Layer2, "n1")));
    let failed: Vec<_> = news
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

#[test]
fn a_strangers_claim_is_told_once_with_who_where_and_what_to_do() {
    let address: IpAddr = "198.51.100.1".parse().unwrap();
    let conflict = Conflict {
        by: [2, 0, 0, 0, 9, 0xff],
        interface: "eth0".into(),
    };
    let quiet = observed(&["eth0", "eth1"], &[]);
    let kept = Observed {
        conflicts: [(address, conflict)].into(),
        ..quiet.clone()
    };
    let (desired, mut status) = (desired(), NodeStatus::new(me(), &Statuses::new()));
    status.update(&desired, &quiet);
    let shown = id(StatusAbout::Layer2, "n1");
    let news = status.update(&desired, &kept);
    assert!(news.statuses.is_empty() && status.statuses().contains_key(&shown));
    let [event] = &news.events[..] else {
        panic!("{news:?}");
    };
    assert_eq!(event.reason, EventReason::AddressConflict);
    let text = "198.51.100.1 is claimed by another host, 02:00:00:00:09:ff on interface eth0 of node n1: the node \
                keeps the address";
    assert!(event.message.starts_with(text), "{}", event.message);
    assert!(status.update(&desired, &kept).events.is_empty());
    // It is told anew once it is over, or ends in another way.
    status.update(&desired, &quiet);
    assert_eq!(status.update(&desired, &kept).events, news.events);
    let left = Observed {
        left: [address].into(),
        ..kept
    };
    let news = status.update(&desired, &left);
    assert!(news.events[0].message.contains("leaves it to that host"));
    assert!(
        !status.statuses().contains_key(&shown),
        "nobody here answers"
    );
}

#[test]
fn a_node_that_leaves_an_address_to_another_one_does_not_say_that_it_announces() {
    let mut observed = observed(&["eth0", "eth1"], &[]);
    observed.left.insert("198.51.100.1".parse().unwrap());
    let (statuses, news) = node_status(&desired(), &observed, &me());
    assert!(!statuses.contains_key(&id(StatusAbout::Layer2, "n1")));
    assert!(news.events.is_empty());
}

#[test]
fn an_address_that_is_looked_for_is_not_announced_yet() {
    let (desired, mut status) = (desired(), NodeStatus::new(me(), &Statuses::new()));
    let free = observed(&["eth0", "eth1"], &[]);
    let mut probing = free.clone();
    probing.probed.insert("198.51.100.1".parse().unwrap());
    let shown = id(StatusAbout::Layer2, "n1");
    let news = status.update(&desired, &probing);
    assert!(!status.statuses().contains_key(&shown));
    assert_eq!(news.events, []);
    let news = status.update(&desired, &free);
    assert!(news.statuses.contains(&shown) && status.statuses().contains_key(&shown));
    assert_eq!(news.events[0].reason, EventReason::NodeAssigned);
}
