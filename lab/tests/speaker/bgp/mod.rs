//! Announcing by BGP (compat/metallb.md 8.3): a module for each file of the list there, and some for the long one.

mod announcing;
mod attributes;
mod connections;
mod extras;
mod metrics;
mod multiprotocol;
mod node_selector;
mod nodes;
mod own_router;
mod peer_selector;
mod peers;
mod service_selector;
mod sessions;
mod status;

use std::net::IpAddr;
use std::ops::Deref;

use ipnet::IpNet;
use lab::cluster::{Cluster, NAMESPACE};
use serde_json::json;

use crate::object::{Object, apply};
use crate::tenant::Tenant;

/// All nodes of the cluster.
const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// The peers of the cluster with FRR, of both families.
const FRR: [&str; 2] = ["frr-v4", "frr-v6"];

/// The peers of the cluster with BIRD, of both families.
const BIRD: [&str; 2] = ["bird-v4", "bird-v6"];

/// What is announced for an address.
fn prefix(address: &str) -> String {
    IpNet::from(address.parse::<IpAddr>().unwrap()).to_string()
}

/// Writes the Secret of the tenant's name, with a password.
fn secret<G: Deref<Target = Cluster>>(tenant: &Tenant<G>, password: &str) -> Object {
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": {"name": tenant.name}, "stringData": {"password": password},
    });
    let plane = &tenant.cluster.plane;
    apply(plane, NAMESPACE, &[object]);
    Object::of(plane, "v1", "Secret", NAMESPACE, &tenant.name)
}
