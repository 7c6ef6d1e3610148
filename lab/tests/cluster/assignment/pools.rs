//! Ways to write a pool and to ask for one, and what is counted.

use serde_json::json;

use crate::tenant::Tenant;

#[test]
fn a_pool_may_be_a_range_or_a_prefix() {
    let Some(tenant) = Tenant::start("range-and-prefix") else {
        return;
    };
    let range = format!("{}-{}", tenant.v4("5"), tenant.v4("6"));
    for (name, addresses, first) in [
        ("range", range, tenant.v4("5")),
        ("prefix", tenant.v4("16/30"), tenant.v4("16")),
    ] {
        let pool = tenant.pool(name, &[addresses]);
        tenant.create_service(name).until_addresses(&[first]);
        // The next one is for the next pool.
        pool.patch(json!({"spec": {"autoAssign": false}}));
    }
}

#[test]
fn the_pool_that_an_annotation_names_is_taken_whether_or_not_it_is_for_all() {
    let Some(tenant) = Tenant::start("pool-annotation") else {
        return;
    };
    tenant.pool("a-default", &[tenant.v4("0/28"), tenant.v6("0/124")]);
    for (name, number, auto_assign) in [("automatic", 16, true), ("by-name", 32, false)] {
        let addresses = [
            tenant.v4(&format!("{number}/32")),
            tenant.v6(&format!("{number}/128")),
        ];
        tenant.pool_with(name, &addresses, json!({"autoAssign": auto_assign}));
        for (family, address) in [
            ("IPv4", tenant.v4(&number.to_string())),
            ("IPv6", tenant.v6(&number.to_string())),
        ] {
            let patch = json!({
                "metadata": {"annotations": {"metallb.io/address-pool": name}},
                "spec": {"ipFamilies": [family]},
            });
            let service = format!("{name}-{}", family.to_lowercase());
            let service = tenant.create_service_with(&service, patch);
            service.until_addresses(&[address]);
            assert_eq!(service.pool(), Some(name.to_owned()));
        }
    }
    tenant
        .create_service("without")
        .until_addresses(&[tenant.v4("0")]);
}

#[test]
fn services_of_both_families_share_an_address() {
    let Some(tenant) = Tenant::start("shared") else {
        return;
    };
    tenant.pool("dual", &[tenant.v4("0/30"), tenant.v6("0/126")]);
    for (family, address) in [("IPv4", tenant.v4("0")), ("IPv6", tenant.v6(""))] {
        for port in [80, 81] {
            let patch = json!({
                "metadata": {"annotations": {"metallb.io/allow-shared-ip": family}},
                "spec": {"ipFamilies": [family], "ports": [{"port": port}]},
            });
            let name = format!("{}-{port}", family.to_lowercase());
            let service = tenant.create_service_with(&name, patch);
            service.until_addresses(std::slice::from_ref(&address));
        }
    }
}

#[test]
fn a_service_of_two_protocols_has_one_address() {
    let Some(tenant) = Tenant::start("protocols") else {
        return;
    };
    tenant.pool("some", &[tenant.v4("0/30")]);
    let ports = json!([
        {"name": "tcp", "port": 53, "protocol": "TCP"},
        {"name": "udp", "port": 53, "protocol": "UDP"},
    ]);
    tenant
        .create_service_with("dns", json!({"spec": {"ports": ports}}))
        .until_addresses(&[tenant.v4("0")]);
}

#[test]
fn the_metrics_count_addresses_in_all_and_in_use() {
    let Some(tenant) = Tenant::start("metrics-of-pools") else {
        return;
    };
    tenant.pool("dual", &[tenant.v4("0/30"), tenant.v6("0/126")]);
    tenant.create_service("single").until_address();
    let patch = json!({"spec": {"ipFamilyPolicy": "RequireDualStack"}});
    let dual = tenant.create_service_with("dual", patch);
    dual.until_count(2);
    let of_pool = |name: &str| format!("metallb_allocator_{name}{{pool=\"dual\"}}");
    let expect = |metrics: [(&str, f64); 7]| {
        for (name, value) in metrics {
            tenant.until_metric(&of_pool(name), value);
        }
    };
    expect([
        ("addresses_total", 8.0),
        ("ipv4_addresses_total", 4.0),
        ("ipv6_addresses_total", 4.0),
        ("addresses_in_use_total", 3.0),
        ("ipv4_addresses_in_use_total", 2.0),
        ("ipv6_addresses_in_use_total", 1.0),
        ("services_allocated_total", 2.0),
    ]);
    dual.delete();
    tenant.until_metric(&of_pool("addresses_in_use_total"), 1.0);
    tenant.until_metric(&of_pool("services_allocated_total"), 1.0);
    tenant.until_metric("metallb_k8s_client_config_loaded_bool", 1.0);
    tenant.until_metric("metallb_k8s_client_config_stale_bool", 0.0);
    assert!(tenant.metric("metallb_k8s_client_updates_total") > Some(0.0));
    tenant.until_metric("metallb_k8s_client_update_errors_total", 0.0);
}
