//! `bgp.go`: what takes a node out of announcing. These tests have the cluster to themselves.

use serde_json::{Value, json};

use super::NODES;
use crate::families::{Families, Reach};
use crate::harness::Alone;
use crate::service::Service;
use crate::tenant::Tenant;

/// A Service of each kind that every node announces, with its pods.
fn announced(tenant: &Tenant<Alone>) -> (Service, Vec<lab::cluster::Pod>) {
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let pods = tenant.pods("web");
    let service = tenant.service("web", Families::Dual, json!({}));
    tenant.until_routed(&service, &NODES);
    (service, pods)
}

/// The conditions of a node, with the network as said.
fn conditions(tenant: &Tenant<Alone>, node: &str, unavailable: &str) -> Value {
    let mut conditions = tenant.node_object(node).at_path("/status/conditions");
    for condition in conditions.as_array_mut().unwrap() {
        if condition["type"] == "NetworkUnavailable" {
            condition["status"] = json!(unavailable);
        }
    }
    json!({"status": {"conditions": conditions}})
}

#[test]
fn a_node_without_network_announces_nothing() {
    let Some(tenant) = Tenant::alone("bgp-network") else {
        return;
    };
    let (service, _pods) = announced(&tenant);
    let node = tenant.node_object("node2");
    node.patch_status(conditions(&tenant, "node2", "True"));
    tenant.until_routed(&service, &["node1", "node3"]);
    node.patch_status(conditions(&tenant, "node2", "False"));
    tenant.until_routed(&service, &NODES);
    tenant.until_reached(&service);
}

#[test]
fn a_node_that_is_labelled_so_announces_nothing() {
    let Some(tenant) = Tenant::alone("bgp-excluded") else {
        return;
    };
    let (service, _pods) = announced(&tenant);
    let label = |value: Value| {
        let name = "node.kubernetes.io/exclude-from-external-load-balancers";
        let patch = json!({"metadata": {"labels": {name: value}}});
        tenant.node_object("node3").patch(patch);
    };
    label(json!(""));
    tenant.until_routed(&service, &["node1", "node2"]);
    label(Value::Null);
    tenant.until_routed(&service, &NODES);
}

#[test]
fn without_graceful_restart_a_restart_of_a_speaker_takes_its_routes_away_meanwhile() {
    let Some(mut tenant) = Tenant::alone("bgp-restart") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let patch = json!({"spec": {"externalTrafficPolicy": "Local"}});
    let mut services = Vec::new();
    let mut pods = Vec::new();
    for families in Families::ALL {
        pods.push(tenant.pod(families.name(), "node1"));
        let service = tenant.service(families.name(), families, patch.clone());
        tenant.until_routed(&service, &["node1"]);
        tenant.until_reached(&service);
        services.push(service);
    }
    assert!(tenant.cluster.stop_speaker("node1").unwrap().success());
    for service in &services {
        tenant.until_routed(service, &[]);
    }
    tenant.cluster.start_speaker("node1").unwrap();
    for service in &services {
        tenant.until_routed(service, &["node1"]);
        tenant.until_reached(service);
    }
}
