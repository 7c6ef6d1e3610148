//! `l2.go`: who announces, and that it is reached.

use std::net::IpAddr;
use std::time::Duration;

use lab::cluster::Pod;
use lab::until;
use serde_json::{Value, json};

use super::network_unavailable;
use crate::families::{Families, Reach, parsed};
use crate::object::TIMEOUT;
use crate::tenant::{Tenant, in_each_family};

/// The label of a node that is to announce nothing.
const EXCLUDE: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

fn local() -> Value {
    json!({"spec": {"externalTrafficPolicy": "Local"}})
}

#[test]
fn a_service_with_policy_cluster_is_reached_through_one_node() {
    in_each_family("l2-cluster", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2("ad", json!({}));
        let _pods = tenant.pods("web");
        let service = tenant.service("web", families, json!({}));
        let owner = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &owner);
        tenant.until_reached(&service);
    });
}

#[test]
fn the_status_of_a_service_on_the_link_comes_and_goes_with_it() {
    in_each_family("l2-status", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2("ad", json!({}));
        let _pod = tenant.pod("web", "node1");
        let service = tenant.service("web", families, json!({}));
        let owner = tenant.until_owner(&service, |_| true);
        // Who says so has looked for the addresses, which are new, and answers for them.
        let mac = tenant.node(&owner).mac().unwrap();
        for address in parsed(&service.addresses()) {
            let answers = tenant.client().who_has(address).unwrap();
            assert!(answers.contains(&mac), "{address}: {answers:?}");
        }
        let statuses = tenant.statuses("ServiceL2Status", &service);
        let status = &statuses[0]["status"];
        assert_eq!(status["node"], owner);
        assert_eq!(status["serviceName"], "web");
        assert_eq!(status["serviceNamespace"], tenant.name);
        let event = service.until_event("nodeAssigned");
        let expected = format!("announcing from node \"{owner}\" with protocol \"layer2\"");
        assert_eq!(event, expected);
        service.delete();
        tenant.until_layer2_nodes(&service, &[]);
    });
}

#[test]
fn a_service_with_policy_local_is_announced_from_nodes_with_its_pods_only() {
    in_each_family("l2-local", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2("ad", json!({}));
        let service = tenant.service("web", families, local());
        for node in ["node3", "node1", "node2"] {
            // The pod before has gone with its node's turn.
            let pod = tenant.pod("web", node);
            tenant.until_owner(&service, |owner| owner == node);
            tenant.until_answered_by(&service, node);
            assert_eq!(tenant.until_reached(&service), pod.name());
        }
    });
}

#[test]
fn one_service_takes_tcp_and_udp() {
    in_each_family("l2-mixed", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2("ad", json!({}));
        let ports = json!([
            {"name": "http", "port": 80, "protocol": "TCP"},
            {"name": "datagrams", "port": 80, "protocol": "UDP"},
        ]);
        let pods = tenant.pods("web");
        let service = tenant.service("web", families, json!({"spec": {"ports": ports}}));
        tenant.until_reached(&service);
        for address in parsed(&service.addresses()) {
            let answer = until(&format!("datagram from {address}"), TIMEOUT, || {
                Ok(tenant.client().ask_by_datagram(address).ok())
            });
            let answer = answer.unwrap();
            assert!(pods.iter().any(|pod| pod.name() == answer), "{answer}");
        }
    });
}

/// Takes the owner of an address away by `disturb`, which gets its name, and expects another one; and the first again
/// after `restore`: the choice has no memory.
fn the_owner_moves_and_returns(name: &str, disturb: Value, restore: Value) {
    let Some(tenant) = Tenant::alone(name) else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    for families in Families::ALL {
        let name = families.name();
        let _pods: Vec<Pod> = tenant.pods(name);
        let service = tenant.service(name, families, json!({}));
        let first = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &first);
        let node = tenant.node_object(&first);
        let patch = |patch: &Value| {
            if patch.pointer("/status").is_some() {
                node.patch_status(patch.clone());
            } else {
                node.patch(patch.clone());
            }
        };
        patch(&disturb);
        let second = tenant.until_owner(&service, |owner| owner != first);
        tenant.until_answered_by(&service, &second);
        tenant.until_reached(&service);
        patch(&restore);
        tenant.until_owner(&service, |owner| owner == first);
        tenant.until_answered_by(&service, &first);
        tenant.until_reached(&service);
    }
}

#[test]
fn a_node_whose_network_is_unavailable_announces_nothing_on_the_link() {
    let condition = network_unavailable;
    the_owner_moves_and_returns("l2-unavailable", condition("True"), condition("False"));
}

#[test]
fn a_node_that_is_excluded_by_its_label_announces_nothing_on_the_link() {
    let label = |value: Value| json!({"metadata": {"labels": {EXCLUDE: value}}});
    the_owner_moves_and_returns("l2-excluded", label(json!("")), label(Value::Null));
}

#[test]
fn addresses_are_from_the_pool_whether_it_is_a_range_or_a_prefix() {
    let Some(tenant) = Tenant::start("l2-pool") else {
        return;
    };
    let on_link = |end| tenant.v4(Reach::OnLink, end);
    let on_link_v6 = |end| tenant.v6(Reach::OnLink, end);
    let range = [
        format!("{}-{}", on_link("16"), on_link("17")),
        format!("{}-{}", on_link_v6("16"), on_link_v6("17")),
    ];
    let prefix = [on_link("32/31"), on_link_v6("32/127")];
    for (name, ranges, expected) in [
        ("range", range, [on_link("16"), on_link_v6("16")]),
        ("prefix", prefix, [on_link("32"), on_link_v6("32")]),
    ] {
        let pool = tenant.pool_named(&format!("{}-{name}", tenant.name), &ranges);
        tenant.layer2(name, json!({"ipAddressPools": [pool.name()]}));
        let _pods = tenant.pods(name);
        let patch = json!({"metadata": {"annotations": {"metallb.io/address-pool": pool.name()}}});
        let service = tenant.service(name, Families::Dual, patch);
        service.until_addresses(&expected);
        tenant.until_reached(&service);
    }
}

#[test]
fn the_pool_that_a_service_names_is_taken_whether_or_not_it_is_for_all() {
    let Some(tenant) = Tenant::start("l2-named") else {
        return;
    };
    tenant.layer2(
        "ad",
        json!({"ipAddressPools": ["l2-named-all", "l2-named-asked"]}),
    );
    for (pool, auto, end) in [
        ("l2-named-all", true, "64"),
        ("l2-named-asked", false, "96"),
    ] {
        let ranges = [
            tenant.v4(Reach::OnLink, &format!("{end}/31")),
            tenant.v6(Reach::OnLink, &format!("{end}/127")),
        ];
        // Others ask for pools of their own, so a pool for all is safe for as long as it serves this namespace only.
        let namespaces = json!({"namespaces": [tenant.name]});
        tenant
            .pool_named(pool, &ranges)
            .patch(json!({"spec": {"autoAssign": auto, "serviceAllocation": namespaces}}));
        for (families, reach) in [
            (Families::V4, tenant.v4(Reach::OnLink, end)),
            (Families::V6, tenant.v6(Reach::OnLink, end)),
        ] {
            let name = format!("auto-{auto}-{}", families.name());
            let patch = json!({"metadata": {"annotations": {"metallb.io/address-pool": pool}}});
            let _pod = tenant.pod(&name, "node1");
            let service = tenant.service(&name, families, patch);
            service.until_addresses(&[reach]);
            tenant.until_reached(&service);
        }
    }
}

#[test]
fn services_that_share_an_address_are_announced_from_one_node() {
    let Some(tenant) = Tenant::start("l2-shared") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    for (families, address) in [
        (Families::V4, tenant.v4(Reach::OnLink, "77")),
        (Families::V6, tenant.v6(Reach::OnLink, "77")),
    ] {
        let services = [("first", 80), ("second", 81)].map(|(name, port)| {
            let name = format!("{name}-{}", families.name());
            let patch = json!({
                "metadata": {"annotations": {
                    "metallb.io/allow-shared-ip": "both",
                    "metallb.io/loadBalancerIPs": address,
                }},
                "spec": {"ports": [{"name": "http", "port": port, "targetPort": 80}]},
            });
            let pods = tenant.pods(&name);
            (tenant.service(&name, families, patch), port, pods)
        });
        let owner = tenant.until_owner(&services[0].0, |_| true);
        let target: IpAddr = address.parse().unwrap();
        for (service, port, pods) in &services {
            tenant.until_owner(service, |other| other == owner);
            let what = format!("answer from {address} on port {port}");
            let answer = until(&what, Duration::from_secs(30), || {
                Ok(tenant.client().get_on(target, *port).ok())
            });
            let answer = answer.unwrap();
            assert!(pods.iter().any(|pod| pod.name() == answer), "{answer}");
        }
        tenant.until_answered_by(&services[0].0, &owner);
    }
}
