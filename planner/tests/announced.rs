//! Who announces a Service, and what is in the way where nobody does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod fixture;

use std::collections::{BTreeMap, BTreeSet};

use planner::allocation::plan_allocation;
use planner::announced::{Claims, Contested, Prospect, Prospects, Testimony, prospect};
use planner::announcements::Affected;
use planner::effect::{StatusAbout, StatusBody, StatusId};
use planner::names::ServiceKey;
use planner::snapshot::Snapshot;
use proptest::prelude::*;

fn key() -> ServiceKey {
    fixture::key("a/web")
}

/// Reason and message of the condition of `a/web`, where nobody has been heard to announce it.
fn unheard(snapshot: &Snapshot) -> String {
    let service = &snapshot.services[&key()];
    let prospect = prospect(snapshot, &key(), service, None, &Contested::default()).unwrap();
    let condition = prospect.condition();
    format!("{}: {}", condition.reason, condition.message)
}

#[test]
fn what_is_in_the_way_is_said_with_what_would_help() {
    let ready = "{ips: [198.51.100.1], from: web, endpoints: {n1: [ready]}}";
    let local = "{ips: [198.51.100.1], from: web, local: true, endpoints: {n2: [ready]}}";
    let none = "{ips: [198.51.100.1], from: web}";
    let cases = [
        (
            "",
            ready,
            "NoAdvertisement: allocated, but no advertisement selects pool web; create an L2Advertisement or a BGPAdvertisement with ipAddressPools: [web]",
        ),
        (
            "l2: {some: {services: [{app: x}]}}",
            ready,
            "NoAdvertisement: allocated, but no advertisement of pool web selects the Service; make serviceSelectors of one match the Service",
        ),
        (
            "l2: {some: {nodes: [{rack: b}]}}",
            ready,
            "NoNode: allocated, but no advertisement of pool web selects a node; make nodeSelectors of one match a node",
        ),
        (
            "bgp: {some: }",
            ready,
            "NoPeer: allocated, but no node that may announce it has a BGPPeer to tell; create a BGPPeer, or make nodeSelectors of one match such a node",
        ),
        (
            "l2: {some: {nodes: [{rack: a}]}}",
            local,
            "NoLocalEndpoints: allocated, but externalTrafficPolicy is Local and no node that may announce it has a ready endpoint; run a ready endpoint on one of them, or set externalTrafficPolicy to Cluster",
        ),
        (
            "l2: {some: }",
            none,
            "NoEndpoints: allocated, but the Service has no endpoints; make at least one endpoint of the Service ready",
        ),
        (
            "bgp: {some: }\npeers: {six: {my: 64512, peer: \"64513\", address: \"2001:db8::1\"}}",
            ready,
            "FamilyNotCarried: allocated, but no session of a node that may announce it carries IPv4; set dualStackAddressFamily on the BGPPeer, or add a BGPPeer with an address of the other family",
        ),
        // The one that comes closest tells.
        (
            "bgp: {some: }\nl2: {some: {nodes: [{rack: b}]}}",
            ready,
            "NoPeer: allocated, but no node that may announce it has a BGPPeer to tell; create a BGPPeer, or make nodeSelectors of one match such a node",
        ),
    ];
    for (advertisements, service, expected) in cases {
        let snapshot = fixture::snapshot(&format!(
            "nodes: {{n1: {{labels: {{rack: a}}}}, n2: }}\npools: {{web: {{addresses: [198.51.100.0/24]}}}}\n\
             {advertisements}\nservices: {{a/web: {service}}}"
        ));
        assert_eq!(unheard(&snapshot), expected, "{advertisements}");
    }
}

/// A Service that is advertised by BGP alone, with nodes and peers as these say.
fn by_bgp(nodes: &str, peers: &str, policies: &str) -> Snapshot {
    fixture::snapshot(&format!(
        "pools: {{web: {{addresses: [198.51.100.0/24]}}}}\nbgp: {{some: }}\nnodes: {nodes}\npeers: {peers}\n\
         policies: {policies}\n\
         services: {{a/web: {{ips: [198.51.100.1], from: web, labels: {{app: web}}, endpoints: {{n1: [ready]}}}}}}"
    ))
}

const TWO_PEERS: &str = r#"{a: {my: 64512, peer: "64513", address: 192.0.2.1}, b: {my: 64512, peer: "64513", address: 192.0.2.2}}"#;

#[test]
fn a_policy_that_holds_a_service_back_from_every_peer_is_named() {
    let nodes = "{n1: {labels: {rack: a}}, n2: }";
    let unheard = |policies| unheard(&by_bgp(nodes, TWO_PEERS, policies));
    assert_eq!(
        unheard("{hold: {advertise: false, services: [{app: web}]}}"),
        "HeldByPolicy: allocated, but it is kept from every peer: BGPPolicy hold says advertise: false; set advertise \
         in a BGPPolicy of higher priority, or leave the BGPPeer out of this one"
    );
    let both =
        unheard("{hold: {advertise: false, peers: [a]}, loop: {ipv4: 192.0.2.2, peers: [b]}}");
    assert!(
        both.contains("BGPPolicy hold says advertise: false, the next hop that BGPPolicy loop gives is the peer itself"),
        "{both}"
    );
    // For another Service, for one of the peers, on one of the nodes, outvoted.
    for policies in [
        "{hold: {advertise: false, services: [{app: other}]}}",
        "{hold: {advertise: false, peers: [a]}}",
        "{hold: {advertise: false, nodes: [{rack: a}]}}",
        "{hold: {advertise: false}, let: {advertise: true, priority: 1}}",
        "{loop: {ipv4: 192.0.2.2}}",
    ] {
        let said = unheard(policies);
        assert!(said.starts_with("NotAnnounced: "), "{policies}: {said}");
    }
}

#[test]
fn nodes_that_drain_are_named_where_no_other_could_announce() {
    let unheard = |nodes| {
        unheard(&by_bgp(
            nodes,
            r#"{a: {my: 64512, peer: "64513", address: 192.0.2.1, nodes: [{rack: a}]}}"#,
            "{}",
        ))
    };
    assert_eq!(
        unheard(
            "{n1: {labels: {rack: a}, draining: true}, n2: {labels: {rack: a}, draining: true}, n3: }"
        ),
        "Draining: allocated, but every node that could announce it is being drained: n1, n2; ferrolb drain --undo \
         NODE, or kubectl annotate node NODE ferrolb.io/drain-"
    );
    let seven: Vec<String> = (1..=7)
        .map(|node| format!("n{node}: {{labels: {{rack: a}}, draining: true}}"))
        .collect();
    let seven = format!("{{{}}}", seven.join(", "));
    let many = unheard(&seven);
    assert!(many.contains(": n1, n2, n3, n4, n5 and 2 more; "), "{many}");
    let one_stays = unheard("{n1: {labels: {rack: a}, draining: true}, n2: {labels: {rack: a}}}");
    assert!(one_stays.starts_with("NotAnnounced: "), "{one_stays}");
    // The end of draining alone would not help.
    let no_peer = unheard("{n1: {draining: true}}");
    assert!(no_peer.starts_with("NoPeer: "), "{no_peer}");
}

#[test]
fn by_layer_2_a_node_that_drains_answers_where_no_other_can() {
    let yaml = ADVERTISED.replace("{n1: , n2: , n3: }", "{n1: {draining: true}}");
    let said = unheard(&fixture::snapshot(&yaml));
    assert!(said.starts_with("NotAnnounced: "), "{said}");
}

const ADVERTISED: &str = "
nodes: {n1: , n2: , n3: }
pools: {web: {addresses: [198.51.100.0/24]}}
l2: {some: }
services: {a/web: {ips: [198.51.100.1], from: web, endpoints: {n1: [ready]}}}
";

fn layer2(node: &str) -> (StatusId, Option<StatusBody>) {
    let about = StatusAbout::Layer2(key());
    let interfaces = BTreeSet::new();
    let id = StatusId {
        node: node.into(),
        about,
    };
    (id, Some(StatusBody::Layer2 { interfaces }))
}

fn bgp(node: &str, peers: &[&str]) -> (StatusId, Option<StatusBody>) {
    let about = StatusAbout::Bgp(key());
    let peers = peers.iter().map(|peer| (*peer).into()).collect();
    let id = StatusId {
        node: node.into(),
        about,
    };
    (id, Some(StatusBody::Bgp { peers }))
}

fn told(statuses: impl IntoIterator<Item = (StatusId, Option<StatusBody>)>) -> Testimony {
    Testimony {
        statuses: statuses.into_iter().collect(),
        ..Testimony::default()
    }
}

/// What each of some nodes says of claims.
fn claimed(nodes: &[(&str, &str)]) -> Testimony {
    let claims = |text: &str| -> Claims {
        let claims = (!text.is_empty()).then(|| ("198.51.100.1".parse().unwrap(), text.to_owned()));
        claims.into_iter().collect()
    };
    let nodes = nodes.iter();
    Testimony {
        claims: nodes
            .map(|(node, text)| ((*node).into(), claims(text)))
            .collect(),
        ..Testimony::default()
    }
}

#[test]
fn a_host_that_claims_the_address_is_told_of_until_it_is_over() {
    let snapshot = fixture::snapshot(ADVERTISED);
    let mut prospects = Prospects::default();
    let mut said = |testimony: Testimony| {
        prospects.update(&snapshot, &Affected::default(), &testimony);
        let prospect = prospects.get(&key()).unwrap();
        let condition = prospect.condition();
        let is_contested = matches!(prospect, Prospect::Contested(_));
        assert_eq!(is_contested, condition.reason == "AddressConflict");
        format!("{:?} {}", condition.status, condition.message)
    };
    said(told([layer2("n1")]));
    let kept = said(claimed(&[("n1", "n1 hears X")]));
    assert_eq!(kept, "True by layer 2 from n1, but n1 hears X");
    let left = said(told([(layer2("n1").0, None)]));
    assert_eq!(left, "False allocated, but n1 hears X");
    // The word of a node counts no more once another one has the address, nor that of a node that there is not.
    let moved = said(told([layer2("n2")]));
    assert_eq!(moved, "True by layer 2 from n2");
    let both = said(claimed(&[("n2", "n2 hears X"), ("n4", "n4 hears X")]));
    assert_eq!(both, "True by layer 2 from n2, but n2 hears X");
    let over = said(claimed(&[("n2", "")]));
    assert_eq!(over, "True by layer 2 from n2");
    said(told([(layer2("n2").0, None)]));
    let gone = said(claimed(&[("n1", ""), ("n4", "n4 hears Y")]));
    assert!(
        gone.starts_with("False allocated, but no node says"),
        "{gone}"
    );
}

#[test]
fn what_keeps_all_nodes_from_announcing_is_said_before_who_else_claims_the_address() {
    let snapshot = fixture::snapshot(&ADVERTISED.replace("l2: {some: }", ""));
    let affected = Affected {
        config: true,
        ..Affected::default()
    };
    let mut prospects = Prospects::default();
    prospects.update(&snapshot, &affected, &claimed(&[("n1", "n1 hears X")]));
    let prospect = prospects.get(&key());
    assert!(
        matches!(prospect, Some(Prospect::Blocked(_))),
        "{prospect:?}"
    );
}

#[test]
fn who_announces_is_named_or_counted() {
    let snapshot = fixture::snapshot(ADVERTISED);
    let said = |statuses: Vec<(StatusId, Option<StatusBody>)>| {
        let mut prospects = Prospects::default();
        let changed = prospects.update(&snapshot, &Affected::default(), &told(statuses));
        assert_eq!(changed, BTreeSet::from([key()]));
        match prospects.get(&key()) {
            Some(Prospect::Announced(condition)) => condition.message.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(said(vec![layer2("n1")]), "by layer 2 from n1");
    let all = vec![
        bgp("n1", &["a", "b"]),
        bgp("n2", &["b"]),
        bgp("n3", &["a"]),
        layer2("n2"),
    ];
    assert_eq!(
        said(all),
        "by BGP from 3 nodes to 2 peers; by layer 2 from n2"
    );
    assert_eq!(said(vec![bgp("n1", &["a"])]), "by BGP from n1 to a");
}

#[test]
fn a_service_that_somebody_may_announce_is_awaited() {
    let snapshot = fixture::snapshot(ADVERTISED);
    let service = &snapshot.services[&key()];
    let prospect = prospect(&snapshot, &key(), service, None, &Contested::default());
    assert!(
        matches!(prospect, Some(Prospect::Awaited(_))),
        "{prospect:?}"
    );
}

#[test]
fn what_is_known_to_be_in_the_way_is_written_with_the_address() {
    let plan = |advertisements: &str| {
        let pool = "pools: {web: {addresses: [198.51.100.0/24]}}";
        let service = "services: {a/web: {endpoints: {n1: [ready]}}}";
        let yaml = format!("nodes: {{n1: }}\n{pool}\n{advertisements}\n{service}");
        let plan = plan_allocation(&fixture::snapshot(&yaml));
        plan.services[&key()]
            .announced
            .as_ref()
            .map(|condition| condition.reason.to_string())
    };
    assert_eq!(plan("").as_deref(), Some("NoAdvertisement"));
    assert_eq!(plan("l2: {some: }"), None);
    let held =
        format!("bgp: {{some: }}\npeers: {TWO_PEERS}\npolicies: {{hold: {{advertise: false}}}}");
    assert_eq!(plan(&held).as_deref(), Some("HeldByPolicy"));
}

/// A status that is written (by one of three nodes, to some peers), or removed.
fn step() -> impl Strategy<Value = (StatusId, Option<StatusBody>)> {
    (0..3_u8, any::<bool>(), any::<bool>(), 0..3_usize).prop_map(
        |(node, by_bgp, is_there, peers)| {
            let node = format!("n{node}");
            let (id, body) = match by_bgp {
                true => bgp(&node, ["a", "b"].get(..peers.min(2)).unwrap()),
                false => layer2(&node),
            };
            (id, body.filter(|_| is_there))
        },
    )
}

proptest! {
    #[test]
    fn prospects_change_by_change_are_those_at_once(steps in proptest::collection::vec((step(), any::<bool>()), 1..20)) {
        let (with, without) = (fixture::snapshot(ADVERTISED), fixture::snapshot(&ADVERTISED.replace("l2: {some: }", "")));
        let mut prospects = Prospects::default();
        let mut statuses = BTreeMap::new();
        for ((id, body), is_advertised) in steps {
            let snapshot = if is_advertised { &with } else { &without };
            let affected = Affected { config: true, ..Affected::default() };
            prospects.update(snapshot, &affected, &told([(id.clone(), body.clone())]));
            statuses.insert(id, body);
            let mut at_once = Prospects::default();
            at_once.update(snapshot, &affected, &told(statuses.clone()));
            prop_assert_eq!(prospects.get(&key()), at_once.get(&key()));
        }
    }
}
