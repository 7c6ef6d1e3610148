//! `node_selector.go`: advertisements and peers for some nodes only.

use lab::Host;
use lab::router::{Kind, Neighbour};
use serde_json::{Value, json};

use super::own_router::{NODE, OwnPeer, OwnRouter, Version};
use super::{NODES, prefix};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::Object;
use crate::tenant::Tenant;

/// The AS of the routers of these tests.
const ROUTER: u32 = 64514;

/// Selectors for these nodes, one each.
fn named(nodes: &[&str]) -> Value {
    let selectors = nodes
        .iter()
        .map(|node| json!({"matchLabels": {"kubernetes.io/hostname": node}}));
    selectors.collect()
}

/// A label on a node that no other test looks at. Dropping it removes it.
struct Label {
    node: Object,
    key: String,
}

impl Label {
    fn set(tenant: &Tenant<Shared>, node: &str) -> Self {
        let label = Self {
            node: tenant.node_object(node),
            key: format!("test/{}", tenant.name),
        };
        label.write(json!("yes"));
        label
    }

    fn write(&self, value: Value) {
        self.node
            .patch(json!({"metadata": {"labels": {&self.key: value}}}));
    }
}

impl Drop for Label {
    fn drop(&mut self) {
        self.write(Value::Null);
    }
}

#[test]
fn two_services_of_two_pools_are_announced_by_the_nodes_of_their_advertisements() {
    let Some(tenant) = Tenant::start("bgp-nodes-two") else {
        return;
    };
    let variants: [(&str, &[&str], &[&str]); 4] = [
        ("apart", &["node1"], &["node2"]),
        ("same", &["node3"], &["node3"]),
        ("overlapping", &["node1", "node2"], &["node2", "node3"]),
        ("all", &NODES, &["node1"]),
    ];
    for (index, (variant, first, second)) in variants.into_iter().enumerate() {
        for (half, nodes) in [first, second].into_iter().enumerate() {
            let name = format!("{variant}-{half}");
            let pool = format!("{}-{name}", tenant.name);
            let start = (2 * index + half) * 16;
            let ranges = [
                tenant.v4(Reach::Routed, &format!("{start}/28")),
                tenant.v6(Reach::Routed, &format!("{start:x}/124")),
            ];
            tenant.pool_named(&pool, &ranges);
            let spec = json!({"ipAddressPools": [pool], "nodeSelectors": named(nodes)});
            tenant.bgp(&name, spec);
            let _pod = tenant.pod(&name, "node1");
            let patch = json!({"metadata": {"annotations": {"metallb.io/address-pool": pool}}});
            let service = tenant.service(&name, Families::Dual, patch);
            tenant.until_routed(&service, nodes);
            tenant.until_reached(&service);
        }
    }
}

#[test]
fn a_service_is_announced_by_the_nodes_of_all_its_advertisements() {
    let Some(tenant) = Tenant::start("bgp-nodes-one") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let first = tenant.bgp("first", json!({"nodeSelectors": named(&["node1"])}));
    let second = tenant.bgp("second", json!({"nodeSelectors": named(&["node1"])}));
    let _pod = tenant.pod("web", "node3");
    let service = tenant.service("web", Families::Dual, json!({}));
    let variants: [(&[&str], &[&str], &[&str]); 4] = [
        (&["node1"], &["node2"], &["node1", "node2"]),
        (&["node3"], &["node3"], &["node3"]),
        (&["node1", "node2"], &["node2", "node3"], &NODES),
        (&NODES, &["node1"], &NODES),
    ];
    for (of_first, of_second, expected) in variants {
        first.patch(json!({"spec": {"nodeSelectors": named(of_first)}}));
        second.patch(json!({"spec": {"nodeSelectors": named(of_second)}}));
        tenant.until_routed(&service, expected);
        tenant.until_reached(&service);
    }
}

#[test]
fn a_node_that_gets_a_label_announces_and_one_that_loses_it_does_not() {
    let Some(tenant) = Tenant::start("bgp-nodes-label") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let selectors = json!([{"matchLabels": {format!("test/{}", tenant.name): "yes"}}]);
    let ad = tenant.bgp("ad", json!({"nodeSelectors": selectors}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    tenant.until_routed(&service, &[]);
    let on_node2 = Label::set(&tenant, "node2");
    tenant.until_routed(&service, &["node2"]);
    let _on_node3 = Label::set(&tenant, "node3");
    tenant.until_routed(&service, &["node2", "node3"]);
    drop(on_node2);
    tenant.until_routed(&service, &["node3"]);
    // A selector that matches no node any more.
    ad.patch(json!({"spec": {"nodeSelectors": named(&["no-such-node"])}}));
    tenant.until_routed(&service, &[]);
}

#[test]
fn a_peer_has_sessions_with_the_nodes_that_it_selects() {
    let Some(tenant) = Tenant::start("bgp-peer-nodes") else {
        return;
    };
    let by_v4 = Version::V4.neighbours(NODE);
    let router = OwnRouter::start(&tenant, Kind::Bird, ROUTER, by_v4);
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::V4, json!({}));
    let prefix = prefix(&service.addresses()[0]);
    let patch = json!({"nodeSelectors": named(&["node1"])});
    let peer = OwnPeer::to(&tenant, "peer", &router, Version::V4, patch);
    let sets: [&[&str]; 3] = [&["node1"], &["node2", "node3"], &NODES];
    for nodes in sets {
        peer.0
            .patch(json!({"spec": {"nodeSelectors": named(nodes)}}));
        let hosts: Vec<_> = nodes.iter().map(|name| tenant.node(name)).collect();
        router.until_sessions(&hosts, Version::V4);
        tenant.until_paths(&router.router, &prefix, nodes);
    }
}

#[test]
fn each_node_may_be_in_an_as_of_its_own() {
    let Some(tenant) = Tenant::start("bgp-node-as") else {
        return;
    };
    let asn_of = |index: u32| 64700 + index;
    let neighbours = |nodes: &[Host]| {
        let numbered = (0..).zip(nodes);
        numbered
            .map(|(index, node)| Neighbour::new(node.ipv4, asn_of(index)))
            .collect()
    };
    let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, neighbours);
    tenant.pool(Reach::Routed);
    let peers: Vec<_> = (0..)
        .zip(NODES)
        .map(|(index, node)| {
            let patch = json!({"myASN": asn_of(index), "nodeSelectors": named(&[node])});
            OwnPeer::to(&tenant, node, &router, Version::V4, patch)
        })
        .collect();
    let names: Vec<_> = peers.iter().map(OwnPeer::name).collect();
    tenant.bgp("ad", json!({"peers": names}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::V4, json!({}));
    let prefix = prefix(&service.addresses()[0]);
    let paths = tenant.until_paths(&router.router, &prefix, &NODES);
    let as_paths: Vec<_> = paths.into_iter().map(|path| path.as_path).collect();
    assert_eq!(as_paths, [[asn_of(0)], [asn_of(1)], [asn_of(2)]]);
}
