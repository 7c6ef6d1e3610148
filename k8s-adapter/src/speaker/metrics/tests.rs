//! What a scrape says, in the text format that every Prometheus reads. What is counted by sessions and responders that
//! run, the lab's tests see.

use std::time::Duration;

use planner::desired::desired_state;
use planner::effect::Problem;
use planner::observed::{Observed, SessionObserved, SessionState};
use planner::snapshot::Options;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::*;
use crate::admin::in_text;
use crate::source::dir;
use crate::speaker::tally::{Side, Turn};
use crate::speaker::tests::TOR;
use crate::translate::{TranslateOptions, snapshot};

/// A node that announces one Service by both protocols, to two peers of which the first has been sent its address.
fn facts(manifests: &str) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.yaml"), manifests).unwrap();
    let objects = Arc::new(dir::read(folder.path()).unwrap());
    let options = TranslateOptions {
        namespace: "metallb-system".into(),
        planner: Options::default(),
    };
    let (snapshot, errors) = snapshot(&objects, &options);
    assert!(errors.is_empty(), "{errors:?}");
    let session = SessionObserved {
        state: SessionState::Established,
        sent: ["198.51.100.1/32".parse::<ipnet::IpNet>().unwrap()]
            .into_iter()
            .collect(),
        accepted: 2,
        ..SessionObserved::default()
    };
    Facts {
        objects,
        desired: Arc::new(desired_state(&snapshot, &"node1".into())),
        observed: Observed {
            sessions: [("tor".into(), session)].into(),
            ..Observed::default()
        },
        ..Facts::default()
    }
}

/// What is said of these facts.
fn scrape(facts: Option<Facts>, tally: Tally, names: Names) -> String {
    let (_sender, facts) = watch::channel(facts.map(Arc::new));
    let boards = Boards {
        sessions: Board::default(),
        responders: Board::default(),
        membership: Board::default(),
    };
    let mut registry = Registry::default();
    let metrics = SpeakerMetrics::new("node1".into(), facts, tally, boards, names);
    registry.register_collector(Box::new(metrics));
    in_text(&registry).unwrap()
}

/// The values of families whose names begin so.
fn values<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
    let lines = text.lines();
    lines.filter(|line| line.starts_with(beginning)).collect()
}

#[test]
fn every_metric_of_metallb_is_there_with_its_type_and_a_help() {
    let text = scrape(None, Tally::default(), Names::FrrK8sToo);
    let has = |name: &str, kind: &str| {
        let line = format!("# TYPE {name} {kind}");
        assert!(text.lines().any(|text| text == line), "{line}\n{text}");
        let help = format!("# HELP {name} ");
        let help = text.lines().find_map(|line| line.strip_prefix(&help));
        assert!(help.is_some_and(|help| help.len() > 8), "{name}: {help:?}");
    };
    for (name, kind) in COMMON {
        has(name, kind);
    }
    for prefix in ["metallb", "frrk8s"] {
        for (name, kind) in BY_PEER {
            has(&format!("{prefix}_{name}"), kind);
        }
    }
    has("frrk8s_bgp_received_prefixes_total", "gauge");
}

#[test]
fn the_names_of_frr_k8s_are_there_on_request_only() {
    let shown = |names| scrape(Some(facts(MANIFESTS)), Tally::default(), names).contains("frrk8s_");
    assert!(shown(Names::FrrK8sToo));
    assert!(!shown(Names::Metallb));
}

#[test]
fn what_is_announced_is_told_by_service_protocol_node_and_address() {
    let text = scrape(Some(facts(MANIFESTS)), Tally::default(), Names::Metallb);
    let announced = |protocol, ip| {
        format!(
            "metallb_speaker_announced{{service=\"default/web\",protocol=\"{protocol}\",node=\"node1\",ip=\"{ip}\"}} 1"
        )
    };
    assert_eq!(
        values(&text, "metallb_speaker_announced"),
        [
            announced("layer2", "198.51.100.1"),
            announced("layer2", "2001:db8::1"),
            announced("bgp", "198.51.100.1"),
            announced("bgp", "2001:db8::1"),
        ]
    );
    assert_eq!(
        values(&text, "ferrolb_l2_owner_info{")[0],
        "ferrolb_l2_owner_info{service=\"default/web\",ip=\"198.51.100.1\",node=\"node1\",interfaces=\"eth0,eth1\"} 1"
    );
}

#[test]
fn a_peer_is_its_address_and_port_and_of_frr_k8s_its_address() {
    let text = scrape(Some(facts(MANIFESTS)), Tally::default(), Names::FrrK8sToo);
    let of = |name| values(&text, name);
    assert_eq!(
        of("metallb_bgp_session_up"),
        [
            "metallb_bgp_session_up{peer=\"203.0.113.1:179\",vrf=\"\"} 1",
            "metallb_bgp_session_up{peer=\"[2001:db8:1::1]:1179\",vrf=\"\"} 0",
        ]
    );
    assert_eq!(
        of("metallb_bgp_announced_prefixes_total")[0],
        "metallb_bgp_announced_prefixes_total{peer=\"203.0.113.1:179\",vrf=\"\"} 1"
    );
    assert_eq!(
        of("metallb_bgp_pending_prefixes_total"),
        [
            "metallb_bgp_pending_prefixes_total{peer=\"203.0.113.1:179\",vrf=\"\"} 0",
            "metallb_bgp_pending_prefixes_total{peer=\"[2001:db8:1::1]:1179\",vrf=\"\"} 1",
        ]
    );
    assert_eq!(
        of("frrk8s_bgp_received_prefixes_total"),
        [
            "frrk8s_bgp_received_prefixes_total{peer=\"2001:db8:1::1\",vrf=\"\"} 0",
            "frrk8s_bgp_received_prefixes_total{peer=\"203.0.113.1\",vrf=\"\"} 2",
        ]
    );
    assert_eq!(of("metallb_bgp_keepalives_sent{").len(), 2);
    assert!(of("metallb_bfd_").is_empty() && of("frrk8s_bfd_").is_empty());
}

/// Prometheus refuses a scrape with two values for the same labels.
#[test]
fn two_sessions_with_one_router_are_counted_together() {
    let second = TOR.replace("name: tor", "name: tor2");
    let second = format!("{second}\n  sourceAddress: 203.0.113.99");
    let manifests = format!("{MANIFESTS}\n---\n{second}");
    let text = scrape(Some(facts(&manifests)), Tally::default(), Names::Metallb);
    let peer = "{peer=\"203.0.113.1:179\",vrf=\"\"}";
    let of = |name: &str| values(&text, &format!("{name}{peer}"));
    assert_eq!(
        of("metallb_bgp_session_up"),
        [format!("metallb_bgp_session_up{peer} 0")]
    );
    assert_eq!(
        of("metallb_bgp_pending_prefixes_total"),
        [format!("metallb_bgp_pending_prefixes_total{peer} 1")]
    );
}

#[test]
fn a_configuration_is_loaded_once_something_has_been_decided_and_stale_while_something_is_at_fault()
{
    let said = |facts: Option<Facts>| {
        let text = scrape(facts, Tally::default(), Names::Metallb);
        let value = |name| values(&text, name)[0].ends_with('1');
        (
            value("metallb_k8s_client_config_loaded_bool"),
            value("metallb_k8s_client_config_stale_bool"),
        )
    };
    let with = |severity| {
        let problem = Problem {
            kind: "BGPPeer".to_owned(),
            name: "tor".to_owned(),
            message: "wrong".to_owned(),
            severity,
        };
        Some(Facts {
            problems: vec![problem],
            ..Facts::default()
        })
    };
    assert_eq!(said(None), (false, false));
    assert_eq!(said(with(Severity::Warning)), (true, false));
    assert_eq!(said(with(Severity::Fault)), (true, true));
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_on_the_way_is_told() {
    let (tally, facts) = (Tally::default(), facts(MANIFESTS));
    let began = Instant::now();
    tally.decided(&Default::default(), &facts.desired, began);
    tokio::time::advance(Duration::from_millis(30)).await;
    let address = "198.51.100.1".parse().unwrap();
    tally.announced(address);
    tally.contested(address);
    tally.failed(3);
    tally.claimed_by_stranger(address);
    tally.turned(vec![Turn {
        protocol: "layer2",
        to: Side::Announced,
        reason: "elected",
    }]);
    let facts = Facts {
        alive: Some(3),
        ..facts
    };
    let text = scrape(Some(facts), tally, Names::Metallb);
    for line in [
        "metallb_k8s_client_update_errors_total 3",
        "ferrolb_transitions_total{protocol=\"layer2\",to=\"announced\",reason=\"elected\"} 1",
        "ferrolb_l2_rival_claims_total{ip=\"198.51.100.1\"} 1",
        "ferrolb_l2_foreign_claims_total{ip=\"198.51.100.1\"} 1",
        "ferrolb_members_alive 3",
        "ferrolb_failover_duration_seconds_count 1",
        "ferrolb_failover_duration_seconds_bucket{le=\"0.025\"} 0",
        "ferrolb_failover_duration_seconds_bucket{le=\"0.05\"} 1",
    ] {
        assert!(text.lines().any(|text| text == line), "{line}\n{text}");
    }
    let claim = values(&text, "ferrolb_l2_last_claim_timestamp_seconds{");
    assert_eq!(claim.len(), 1, "one of two has been announced");
}

/// compat/metallb.md 4.1, but for the controller's.
const COMMON: [(&str, &str); 8] = [
    ("metallb_k8s_client_updates_total", "counter"),
    ("metallb_k8s_client_update_errors_total", "counter"),
    ("metallb_k8s_client_config_loaded_bool", "gauge"),
    ("metallb_k8s_client_config_stale_bool", "gauge"),
    ("metallb_speaker_announced", "gauge"),
    ("metallb_layer2_requests_received", "counter"),
    ("metallb_layer2_responses_sent", "counter"),
    ("metallb_layer2_gratuitous_sent", "counter"),
];

/// compat/metallb.md 4.2 and 4.3.
const BY_PEER: [(&str, &str); 21] = [
    ("bgp_session_up", "gauge"),
    ("bgp_announced_prefixes_total", "gauge"),
    ("bgp_pending_prefixes_total", "gauge"),
    ("bgp_updates_total", "counter"),
    ("bgp_updates_total_received", "counter"),
    ("bgp_opens_sent", "counter"),
    ("bgp_opens_received", "counter"),
    ("bgp_notifications_sent", "counter"),
    ("bgp_keepalives_sent", "counter"),
    ("bgp_keepalives_received", "counter"),
    ("bgp_route_refresh_sent", "counter"),
    ("bgp_total_sent", "counter"),
    ("bgp_total_received", "counter"),
    ("bfd_session_up", "gauge"),
    ("bfd_control_packet_input", "counter"),
    ("bfd_control_packet_output", "counter"),
    ("bfd_echo_packet_input", "counter"),
    ("bfd_echo_packet_output", "counter"),
    ("bfd_session_up_events", "counter"),
    ("bfd_session_down_events", "counter"),
    ("bfd_zebra_notifications", "counter"),
];

const MANIFESTS: &str = "\
apiVersion: v1
kind: Node
metadata: {name: node1}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: one, namespace: metallb-system}
spec: {addresses: [198.51.100.0/28, '2001:db8::/124']}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: one, namespace: metallb-system}
spec: {ipAddressPools: [one]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one, namespace: metallb-system}
spec: {ipAddressPools: [one], interfaces: [eth1, eth0]}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64512, peerAddress: 203.0.113.1}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor6, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64512, peerAddress: '2001:db8:1::1', peerPort: 1179}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, 'fd00:96::10']
  ipFamilyPolicy: RequireDualStack
  ports: [{port: 80, protocol: TCP}]
status:
  loadBalancer:
    ingress: [{ip: 198.51.100.1}, {ip: '2001:db8::1'}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- addresses: [10.244.0.10]
  nodeName: node1
  conditions: {ready: true}
ports: [{port: 80, protocol: TCP}]";
