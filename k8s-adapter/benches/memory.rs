//! The memory that each cached object takes: `cargo bench --package k8s-adapter --bench memory`.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::alloc::System;

use k8s_adapter::translate::{
    self, ClusterObjects, Object, ObjectName, Stamp, TranslateOptions, Translator,
};
use planner::snapshot::Options;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const OBJECTS: u32 = 10_000;

fn main() {
    measure("Service", |number, objects| {
        let service = translate::service(&read(service(number)));
        let name = ObjectName::new("shop", format!("service-{number}"));
        objects.services.insert(name, of_api(service, number));
    });
    for endpoints in [3, 100] {
        measure(
            &format!("EndpointSlice of {endpoints} endpoints"),
            |number, objects| {
                let slice = translate::slice(&read(slice(number, endpoints)));
                let name = ObjectName::new("shop", format!("service-{number}-abcde"));
                if let Some(slice) = slice {
                    objects.endpoint_slices.insert(name, of_api(slice, number));
                }
            },
        );
    }
    measure("Node", |number, objects| {
        let node = translate::node(&read(node(number)));
        let name = ObjectName::new("", format!("node-{number}"));
        objects.nodes.insert(name, of_api(node, number));
    });
}

/// Prints what the cache takes for each object, and what the snapshot made from it takes on top.
fn measure(what: &str, insert: impl Fn(u32, &mut ClusterObjects)) {
    let region = Region::new(ALLOCATOR);
    let mut objects = ClusterObjects::default();
    for number in 0..OBJECTS {
        insert(number, &mut objects);
    }
    let cached = held(&region);
    let mut translator = Translator::new(TranslateOptions {
        namespace: "metallb-system".into(),
        planner: Options::default(),
    });
    // What has changed is of use for the moment only.
    drop(translator.update(&objects));
    let each = |octets: usize| octets / usize::try_from(OBJECTS).unwrap_or(usize::MAX);
    let in_snapshot = held(&region).saturating_sub(cached);
    println!(
        "{what}: {} octets cached, {} more in the snapshot",
        each(cached),
        each(in_snapshot)
    );
    drop(translator);
}

/// How much has been allocated since and not been given back.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated)
}

fn of_api<K>(value: K, number: u32) -> Object<K> {
    let stamp = Stamp {
        uid: format!("0f8fad5b-d9cb-469f-a165-{number:012}").into(),
        resource_version: format!("{}", 100_000 + number).into(),
    };
    Object::from_api(value, stamp)
}

fn read<K: DeserializeOwned + Default>(object: Value) -> K {
    serde_json::from_value(object).unwrap_or_default()
}

/// A Service as they mostly are: with an address, two labels and a selector.
fn service(number: u32) -> Value {
    let name = format!("service-{number}");
    let address = format!("198.18.{}.{}", number / 256, number % 256);
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "Helm" },
            "annotations": { "metallb.io/ip-allocated-from-pool": "production" },
        },
        "spec": {
            "type": "LoadBalancer", "clusterIPs": ["10.96.0.1"], "clusterIP": "10.96.0.1",
            "selector": { "app.kubernetes.io/name": name },
            "ports": [{ "name": "http", "port": 80 }, { "name": "https", "port": 443 }],
        },
        "status": {
            "loadBalancer": { "ingress": [{ "ip": address, "ipMode": "VIP" }] },
            "conditions": [{
                "type": "ferrolb.io/AddressAssigned", "status": "True", "reason": "Assigned",
                "message": format!("{address} of pool production"),
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    })
}

/// A slice of endpoints on as many nodes.
fn slice(number: u32, endpoints: u32) -> Value {
    let endpoint = |index: u32| {
        json!({
            "addresses": [format!("10.244.{index}.7")], "nodeName": format!("node-{index}"),
            "conditions": { "ready": true, "serving": true, "terminating": false },
        })
    };
    json!({
        "metadata": {
            "namespace": "shop",
            "labels": { "kubernetes.io/service-name": format!("service-{number}") },
        },
        "addressType": "IPv4",
        "endpoints": (0..endpoints).map(endpoint).collect::<Vec<_>>(),
    })
}

/// A Node with the labels that every one has.
fn node(number: u32) -> Value {
    json!({
        "metadata": { "labels": {
            "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "kubernetes.io/hostname": format!("node-{number}"),
            "topology.kubernetes.io/region": "one", "topology.kubernetes.io/zone": "one-a",
        } },
        "spec": { "podCIDRs": ["10.244.0.0/24"] },
        "status": { "addresses": [{ "type": "InternalIP", "address": "203.0.113.1" }] },
    })
}
