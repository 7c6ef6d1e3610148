//! `bgppeer_selector.go`: advertisements for some peers only.

use ipnet::IpNet;
use lab::cluster::NAMESPACE;
use serde_json::{Value, json};

use super::{BIRD, FRR, NODES};
use crate::families::{Families, Reach, parsed};
use crate::harness::Shared;
use crate::object::Object;
use crate::service::Service;
use crate::tenant::Tenant;

/// The variants of a Service: the last one prefers IPv6.
fn variants() -> [(&'static str, Families, Value); 4] {
    let first_v6 = json!({"spec": {"ipFamilies": ["IPv6", "IPv4"]}});
    [
        ("v4", Families::V4, json!({})),
        ("v6", Families::V6, json!({})),
        ("dual", Families::Dual, json!({})),
        ("dual-v6", Families::Dual, first_v6),
    ]
}

/// Waits until FRR, and then BIRD, has the routes of a Service from these nodes.
fn until(tenant: &Tenant<Shared>, service: &Service, frr: &[&str], bird: &[&str]) {
    for (router, nodes) in [(&tenant.cluster.frr, frr), (&tenant.cluster.bird, bird)] {
        for address in parsed(&service.addresses()) {
            tenant.until_paths(router, &IpNet::from(address).to_string(), nodes);
        }
    }
}

#[test]
fn an_advertisement_for_one_router_does_not_leak_to_the_other() {
    let Some(tenant) = Tenant::start("bgp-peers") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let ad = tenant.bgp("ad", json!({"peers": FRR}));
    for (name, families, patch) in variants() {
        let _pod = tenant.pod(name, "node1");
        let service = tenant.service(name, families, patch);
        until(&tenant, &service, &NODES, &[]);
        tenant.until_reached(&service);
        ad.patch(json!({"spec": {"peers": BIRD}}));
        until(&tenant, &service, &[], &NODES);
        ad.patch(json!({"spec": {"peers": FRR}}));
    }
}

#[test]
fn two_advertisements_for_two_routers_keep_their_pools_apart() {
    let Some(tenant) = Tenant::start("bgp-two-peers") else {
        return;
    };
    let pools = ["one", "other"].map(|suffix| format!("{}-{suffix}", tenant.name));
    for (index, (pool, peers)) in pools.iter().zip([FRR, BIRD]).enumerate() {
        let ranges = [
            tenant.v4(Reach::Routed, &format!("{}/26", index * 64)),
            tenant.v6(Reach::Routed, &format!("{}00/120", index + 1)),
        ];
        tenant.pool_named(pool, &ranges);
        let spec = json!({"ipAddressPools": [pool], "peers": peers});
        tenant.bgp(&index.to_string(), spec);
    }
    for (name, families, patch) in variants() {
        let services = pools.iter().zip(["one", "other"]).map(|(pool, suffix)| {
            let name = format!("{name}-{suffix}");
            let mut patch = patch.clone();
            patch["metadata"] = json!({"annotations": {"metallb.io/address-pool": pool}});
            (
                tenant.pod(&name, "node1"),
                tenant.service(&name, families, patch),
            )
        });
        let services: Vec<_> = services.collect();
        until(&tenant, &services[0].1, &NODES, &[]);
        until(&tenant, &services[1].1, &[], &NODES);
    }
}

#[test]
fn a_peer_that_does_not_exist_is_announced_nothing_until_it_does() {
    let Some(tenant) = Tenant::start("bgp-no-peer") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let missing = format!("{}-missing", tenant.name);
    let ad = tenant.bgp("ad", json!({"peers": [missing]}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    until(&tenant, &service, &[], &[]);
    ad.patch(json!({"spec": {"peers": [missing, FRR[0], FRR[1]]}}));
    until(&tenant, &service, &NODES, &[]);
    let peer = Object::of(
        &tenant.cluster.plane,
        "metallb.io/v1beta2",
        "BGPPeer",
        NAMESPACE,
        &missing,
    );
    assert!(peer.get().is_none());
}
