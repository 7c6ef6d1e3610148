//! Services of both families: MetalLB's cases of PreferDualStack.

use serde_json::{Value, json};

use crate::service::Service;
use crate::tenant::Tenant;

fn families(policy: &str) -> Value {
    json!({"spec": {"ipFamilyPolicy": policy}})
}

fn prefer(tenant: &Tenant, name: &str) -> Service {
    tenant.create_service_with(name, families("PreferDualStack"))
}

/// The first address of each family.
fn both(tenant: &Tenant, end: &str) -> [String; 2] {
    [tenant.v4(end), tenant.v6(end)]
}

#[test]
fn a_pool_of_both_families_is_preferred() {
    let Some(tenant) = Tenant::start("prefer-dual-pool") else {
        return;
    };
    tenant.pool("a-v4", &[tenant.v4("0/30")]);
    tenant.pool("b-v6", &[tenant.v6("0/126")]);
    tenant.pool("c-dual", &[tenant.v4("16/30"), tenant.v6("10/126")]);
    let service = prefer(&tenant, "web");
    service.until_addresses(&[tenant.v4("16"), tenant.v6("10")]);
    assert_eq!(service.pool(), Some("c-dual".to_owned()));
}

#[test]
fn without_one_the_primary_family_is_served_which_is_ipv4_by_default() {
    let Some(tenant) = Tenant::start("prefer-v4") else {
        return;
    };
    tenant.pool("a-v6", &[tenant.v6("1/128")]);
    tenant.pool("b-v4", &[tenant.v4("1/32")]);
    prefer(&tenant, "web").until_addresses(&[tenant.v4("1")]);
}

#[test]
fn without_one_ipv6_is_served_where_it_is_the_primary_family() {
    let Some(tenant) = Tenant::start("prefer-v6") else {
        return;
    };
    tenant.pool("a-v4", &[tenant.v4("1/32")]);
    tenant.pool("b-v6", &[tenant.v6("1/128")]);
    let patch =
        json!({"spec": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}});
    tenant
        .create_service_with("web", patch)
        .until_addresses(&[tenant.v6("1")]);
}

#[test]
fn a_pool_that_gets_the_other_family_gives_it_to_those_that_prefer_both() {
    let Some(tenant) = Tenant::start("prefer-grows") else {
        return;
    };
    let pool = tenant.pool("grows", &[tenant.v4("1/32")]);
    let service = prefer(&tenant, "web");
    service.until_addresses(&[tenant.v4("1")]);
    pool.patch(json!({"spec": {"addresses": both(&tenant, "1").map(host)}}));
    service.until_addresses(&both(&tenant, "1"));
}

#[test]
fn preferring_and_requiring_both_families_may_be_exchanged() {
    let Some(tenant) = Tenant::start("prefer-require") else {
        return;
    };
    tenant.pool("a-v4", &[tenant.v4("16/30")]);
    let service = prefer(&tenant, "web");
    service.until_addresses(&[tenant.v4("16")]);
    // What is required is not there: one address is as good as none.
    service.patch(families("RequireDualStack"));
    service.until_event("AllocationFailed");
    service.until_addresses(&[]);
    service.patch(families("PreferDualStack"));
    service.until_addresses(&[tenant.v4("16")]);

    tenant.pool("b-dual", &both(&tenant, "1").map(host));
    service.patch(families("RequireDualStack"));
    service.until_addresses(&both(&tenant, "1"));
    service.patch(families("PreferDualStack"));
    tenant.settle();
    assert_eq!(service.addresses(), both(&tenant, "1"));
}

#[test]
fn a_service_with_one_address_does_not_jump_to_a_new_pool_of_both_families() {
    let Some(tenant) = Tenant::start("prefer-stays") else {
        return;
    };
    tenant.pool("a-v4", &[tenant.v4("16/30")]);
    let service = prefer(&tenant, "web");
    service.until_addresses(&[tenant.v4("16")]);
    tenant.pool("b-dual", &both(&tenant, "1").map(host));
    tenant.settle();
    assert_eq!(service.addresses(), [tenant.v4("16")]);
}

#[test]
fn a_service_of_both_families_looks_for_another_pool_when_its_own_loses_one() {
    let Some(tenant) = Tenant::start("prefer-moves") else {
        return;
    };
    let first = tenant.pool("a-dual", &both(&tenant, "1").map(host));
    tenant.pool("b-dual", &both(&tenant, "2").map(host));
    let service = prefer(&tenant, "web");
    service.until_addresses(&both(&tenant, "1"));
    first.patch(json!({"spec": {"addresses": [host(tenant.v4("1"))]}}));
    service.until_addresses(&both(&tenant, "2"));
}

#[test]
fn the_status_of_a_pool_counts_both_families() {
    let Some(tenant) = Tenant::start("pool-status") else {
        return;
    };
    let pool = tenant.pool("dual", &[tenant.v4("0/30"), tenant.v6("0/126")]);
    let counts = |v4: u32, v6: u32| {
        json!({
            "assignedIPv4": v4, "assignedIPv6": v6,
            "availableIPv4": 4 - v4, "availableIPv6": 4 - v6,
        })
    };
    pool.until_path("/status", &counts(0, 0));
    let dual = tenant.create_service_with("dual", families("RequireDualStack"));
    dual.until_count(2);
    pool.until_path("/status", &counts(1, 1));
    tenant.create_service("single").until_address();
    pool.until_path("/status", &counts(2, 1));
    dual.delete();
    pool.until_path("/status", &counts(1, 0));
}

/// The prefix of one address alone.
fn host(address: String) -> String {
    let bits = if address.contains(':') { 128 } else { 32 };
    format!("{address}/{bits}")
}
