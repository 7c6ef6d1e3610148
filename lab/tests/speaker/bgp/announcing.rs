//! `bgp.go`: which nodes announce a Service, and that it is reached.

use ipnet::IpNet;
use serde_json::json;

use super::NODES;
use crate::families::{Families, Reach, parsed};
use crate::tenant::Tenant;

#[test]
fn every_node_announces_a_service_with_policy_cluster_and_it_is_reached() {
    let Some(tenant) = Tenant::start("bgp-cluster") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    for families in Families::ALL {
        let name = families.name();
        let _pod = tenant.pod(name, "node1");
        let service = tenant.service(name, families, json!({}));
        tenant.until_routed(&service, &NODES);
        tenant.until_reached(&service);
    }
}

#[test]
fn addresses_that_a_service_asks_for_are_announced() {
    let Some(tenant) = Tenant::start("bgp-asked-for") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let (v4, v6) = (
        tenant.v4(Reach::Routed, "77"),
        tenant.v6(Reach::Routed, "77"),
    );
    for (families, addresses) in [
        (Families::V4, vec![v4.clone()]),
        (Families::Dual, vec![v4, v6]),
    ] {
        let name = families.name();
        let _pod = tenant.pod(name, "node2");
        let list = addresses.join(",");
        let patch = json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": list}}});
        let service = tenant.service(name, families, patch);
        assert_eq!(service.addresses(), addresses);
        tenant.until_routed(&service, &NODES);
        tenant.until_reached(&service);
        // The next one asks for the same.
        service.delete();
    }
}

#[test]
fn only_nodes_with_an_endpoint_announce_a_service_with_policy_local() {
    let Some(tenant) = Tenant::start("bgp-local") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    for families in Families::ALL {
        let name = families.name();
        let on_node1 = tenant.pod(name, "node1");
        let on_node3 = tenant.pod(name, "node3");
        let patch = json!({"spec": {"externalTrafficPolicy": "Local"}});
        let service = tenant.service(name, families, patch);
        tenant.until_routed(&service, &["node1", "node3"]);
        tenant.until_reached(&service);
        drop(on_node1);
        tenant.until_routed(&service, &["node3"]);
        assert_eq!(tenant.until_reached(&service), on_node3.name());
        drop(on_node3);
        tenant.until_routed(&service, &[]);
    }
}

#[test]
fn a_shared_address_is_announced_as_long_as_one_service_has_it() {
    let Some(tenant) = Tenant::start("bgp-shared") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    for (families, address) in [
        (Families::V4, tenant.v4(Reach::Routed, "9")),
        (Families::V6, tenant.v6(Reach::Routed, "9")),
    ] {
        let name = families.name();
        let _pod = tenant.pod(name, "node1");
        let share = json!({"metadata": {"annotations": {
            "metallb.io/allow-shared-ip": "both", "metallb.io/loadBalancerIPs": address,
        }}});
        let first = tenant.service(name, families, share.clone());
        let mut other = share;
        other["spec"] = json!({
            "selector": {"app": name},
            "ports": [{"name": "http", "port": 8080, "targetPort": 80}],
        });
        let second = tenant.service(&format!("{name}-second"), families, other);
        assert_eq!(first.addresses(), second.addresses());
        tenant.until_routed(&first, &NODES);
        tenant.until_reached(&first);
        first.delete();
        tenant.until_routed(&second, &NODES);
        second.delete();
        let prefix = IpNet::from(parsed(&[address])[0]).to_string();
        for router in tenant.routers() {
            tenant.until_paths(router, &prefix, &[]);
        }
    }
}

#[test]
fn addresses_of_a_pool_by_range_and_by_prefix_are_announced() {
    let Some(tenant) = Tenant::start("bgp-pools") else {
        return;
    };
    let v4 = |end: &str| tenant.v4(Reach::Routed, end);
    let v6 = |end: &str| tenant.v6(Reach::Routed, end);
    let by_range = [
        format!("{}-{}", v4("10"), v4("19")),
        format!("{}-{}", v6("10"), v6("19")),
    ];
    let by_prefix = [v4("32/28"), v6("20/124")];
    for (kind, ranges) in [("range", by_range), ("prefix", by_prefix)] {
        let pool = format!("{}-{kind}", tenant.name);
        tenant.pool_named(&pool, &ranges);
        tenant.bgp(kind, json!({"ipAddressPools": [pool]}));
        for families in Families::ALL {
            let name = format!("{kind}-{}", families.name());
            let _pod = tenant.pod(&name, "node1");
            let patch = json!({"metadata": {"annotations": {"metallb.io/address-pool": pool}}});
            let service = tenant.service(&name, families, patch);
            assert_eq!(service.pool().as_deref(), Some(pool.as_str()));
            tenant.until_routed(&service, &NODES);
            tenant.until_reached(&service);
        }
    }
}

#[test]
fn a_service_is_announced_on_the_link_and_by_bgp_at_once() {
    let Some(tenant) = Tenant::start("bgp-and-l2") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.bgp("ad", json!({}));
    tenant.layer2("ad", json!({}));
    for families in [Families::V4, Families::V6] {
        let name = families.name();
        let _pod = tenant.pod(name, "node1");
        let service = tenant.service(name, families, json!({}));
        tenant.until_routed(&service, &NODES);
        let owner = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &owner);
        tenant.until_reached(&service);
    }
}

#[test]
fn a_service_that_is_no_load_balancer_any_more_is_withdrawn() {
    let Some(tenant) = Tenant::start("bgp-type") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    tenant.until_routed(&service, &NODES);
    let prefixes = parsed(&service.addresses()).into_iter().map(IpNet::from);
    service.patch(json!({"spec": {"type": "ClusterIP"}}));
    for prefix in prefixes {
        for router in tenant.routers() {
            tenant.until_paths(router, &prefix.to_string(), &[]);
        }
    }
}
