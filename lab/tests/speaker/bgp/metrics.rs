//! `metrics.go`: what the speakers count. Metrics of BFD are for its own issue.

use std::ops::Deref;

use lab::cluster::Cluster;
use lab::router::Kind;
use serde_json::json;

use super::NODES;
use super::own_router::{NODE, OwnPeer, OwnRouter, Version};
use crate::families::{Families, Reach};
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// The AS of the routers of these tests.
const ROUTER: u32 = 64515;

/// The metrics of a node's speaker, asked for as Prometheus does.
fn metrics<G: Deref<Target = Cluster>>(tenant: &Tenant<G>, node: &str) -> String {
    let plane = &tenant.cluster.plane;
    let server = format!("https://{}:9120", tenant.node(node).ipv4);
    let token = &plane.access().token;
    plane.get(&server, "/metrics", Some(token)).unwrap()
}

/// The value of a metric with these labels, in any order; `None` where there is none.
fn value(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels: Vec<String> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{value}\""))
        .collect();
    let line = metrics.lines().find(|line| {
        let of_name = line.strip_prefix(name);
        of_name.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    })?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Waits until a metric of a node's speaker is as meant.
fn until<G: Deref<Target = Cluster>>(
    tenant: &Tenant<G>,
    node: &str,
    (name, labels): (&str, &[(&str, &str)]),
    is_meant: impl Fn(Option<f64>) -> bool,
) {
    let mut last = String::new();
    let found = lab::until(&format!("{name} {labels:?} of {node}"), TIMEOUT, || {
        last = metrics(tenant, node);
        Ok(is_meant(value(&last, name, labels)).then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}:\n{last}"));
}

#[test]
fn a_speaker_tells_of_its_sessions_routes_and_services() {
    let Some(tenant) = Tenant::start("bgp-metrics") else {
        return;
    };
    tenant.pool(Reach::Routed);
    for (version, families) in [(Version::V4, Families::V4), (Version::V6, Families::V6)] {
        let mut router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(NODE));
        let address = version.of(&router.host);
        let peer = OwnPeer::to(&tenant, version.name(), &router, version, json!({}));
        tenant.bgp(version.name(), json!({"peers": [peer.name()]}));
        let _pod = tenant.pod(version.name(), "node1");
        let service = tenant.service(version.name(), families, json!({}));
        let ip = service.addresses().remove(0);
        tenant.until_paths(&router.router, &super::prefix(&ip), &NODES);

        let socket = std::net::SocketAddr::new(address, 179).to_string();
        let of_peer: [(&str, &str); 2] = [("peer", &socket), ("vrf", "")];
        let key = format!("{}/{}", tenant.name, service.name());
        let of_service = [("service", key.as_str()), ("protocol", "bgp"), ("ip", &ip)];
        for node in NODES {
            for name in [
                "metallb_bgp_announced_prefixes_total",
                "metallb_bgp_updates_total",
                "metallb_bgp_opens_sent",
                "metallb_bgp_opens_received",
                "metallb_bgp_keepalives_sent",
                "metallb_bgp_keepalives_received",
                "metallb_bgp_total_sent",
                "metallb_bgp_total_received",
            ] {
                let at_least_one = |value: Option<f64>| value.is_some_and(|value| value >= 1.0);
                until(&tenant, node, (name, &of_peer), at_least_one);
            }
            let is_one = |value| value == Some(1.0);
            until(&tenant, node, ("metallb_bgp_session_up", &of_peer), is_one);
            until(
                &tenant,
                node,
                ("metallb_speaker_announced", &of_service),
                is_one,
            );
        }
        service.delete();
        let is_none = |value: Option<f64>| value.is_none();
        until(
            &tenant,
            "node1",
            ("metallb_speaker_announced", &of_service),
            is_none,
        );
        router.router.stop().unwrap();
        let is_zero = |value| value == Some(0.0);
        until(
            &tenant,
            "node1",
            ("metallb_bgp_session_up", &of_peer),
            is_zero,
        );
        drop(peer);
        until(
            &tenant,
            "node1",
            ("metallb_bgp_session_up", &of_peer),
            is_none,
        );
    }
}

#[test]
fn a_configuration_that_is_not_in_force_as_a_whole_is_stale() {
    let Some(tenant) = Tenant::start("bgp-stale") else {
        return;
    };
    let is = |expected: f64| move |value: Option<f64>| value == Some(expected);
    let loaded = ("metallb_k8s_client_config_loaded_bool", &[][..]);
    let stale = ("metallb_k8s_client_config_stale_bool", &[][..]);
    for node in NODES {
        until(&tenant, node, loaded, is(1.0));
        until(&tenant, node, stale, is(0.0));
    }
    let wrong = tenant.bgp("wrong", json!({"communities": ["no-such-alias"]}));
    for node in NODES {
        until(&tenant, node, stale, is(1.0));
        until(&tenant, node, loaded, is(1.0));
    }
    wrong.delete();
    for node in NODES {
        until(&tenant, node, stale, is(0.0));
    }
}

#[test]
fn names_of_frr_k8s_are_there_on_request() {
    let Some(mut tenant) = Tenant::alone("bgp-frrk8s-names") else {
        return;
    };
    let flags = ["--metrics-frrk8s-names".to_owned()];
    tenant.cluster.stop_speaker("node3").unwrap();
    tenant.cluster.start_speaker_with("node3", &flags).unwrap();
    tenant.cluster.wait_until_established().unwrap();
    let is_one = |value| value == Some(1.0);
    let up = "frrk8s_bgp_session_up";
    until(&tenant, "node3", (up, &[("peer", "198.51.100.1")]), is_one);
    until(&tenant, "node3", (up, &[("peer", "2001:db8:1::2")]), is_one);
    assert_eq!(value(&metrics(&tenant, "node1"), up, &[]), None);
    tenant.cluster.stop_speaker("node3").unwrap();
}
