//! `bgp.go`: ServiceBGPStatus tells which peers have the routes of a Service.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FRR, NODES};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::TIMEOUT;
use crate::service::Service;
use crate::tenant::Tenant;

/// Waits until a Service has one status from each of these nodes and no other, each with just these peers.
fn until_told(tenant: &Tenant<Shared>, service: &Service, nodes: &[&str], peers: &[&str]) {
    let expected: BTreeMap<String, Value> = nodes
        .iter()
        .map(|&node| (node.to_owned(), json!(peers)))
        .collect();
    let mut last = Vec::new();
    let what = format!("{peers:?} from {nodes:?} for {}", service.name());
    let found = lab::until(&what, TIMEOUT, || {
        last = tenant.statuses("ServiceBGPStatus", service);
        let told = last.iter().map(|status| {
            let node = status["status"]["node"].as_str().unwrap_or_default();
            (node.to_owned(), status["status"]["peers"].clone())
        });
        let is_told = last.len() == nodes.len() && told.collect::<BTreeMap<_, _>>() == expected;
        Ok(is_told.then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
}

/// Of these peers the ones whose session carries a Service's addresses, in the order of their names.
fn carrying(peers: &[&'static str], families: Families) -> Vec<&'static str> {
    let mut carrying: Vec<_> = peers
        .iter()
        .copied()
        .filter(|peer| families == Families::Dual || peer.ends_with(families.name()))
        .collect();
    carrying.sort_unstable();
    carrying
}

#[test]
fn the_status_of_a_service_follows_advertisements_selectors_and_endpoints() {
    let Some(tenant) = Tenant::start("bgp-status") else {
        return;
    };
    tenant.pool(Reach::Routed);
    for families in Families::ALL {
        let name = families.name();
        let pod = tenant.pod(name, "node1");
        let service = tenant.service(name, families, json!({}));
        let all: Vec<_> = FRR.into_iter().chain(super::BIRD).collect();
        let ad = tenant.bgp(name, json!({"peers": FRR}));
        until_told(&tenant, &service, &NODES, &carrying(&FRR, families));
        ad.patch(json!({"spec": {"peers": all}}));
        until_told(&tenant, &service, &NODES, &carrying(&all, families));
        let selectors = json!([{"matchLabels": {"kubernetes.io/hostname": "node2"}}]);
        ad.patch(json!({"spec": {"nodeSelectors": selectors}}));
        until_told(&tenant, &service, &["node2"], &carrying(&all, families));
        ad.patch(json!({"spec": {"nodeSelectors": null}}));
        service.patch(json!({"spec": {"externalTrafficPolicy": "Local"}}));
        until_told(&tenant, &service, &["node1"], &carrying(&all, families));
        drop(pod);
        until_told(&tenant, &service, &[], &[]);
        ad.delete();
    }
}

#[test]
fn the_statuses_of_a_service_go_with_it() {
    let Some(tenant) = Tenant::start("bgp-status-gone") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({"peers": FRR}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::V4, json!({}));
    until_told(&tenant, &service, &NODES, &["frr-v4"]);
    for status in tenant.statuses("ServiceBGPStatus", &service) {
        let node = &status["status"]["node"];
        assert_eq!(
            &status["metadata"]["labels"]["metallb.io/node"], node,
            "{status}"
        );
    }
    service.delete();
    until_told(&tenant, &service, &[], &[]);
}
