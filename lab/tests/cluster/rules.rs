//! The rules for addresses that a Service can meet, as an API server shows them (compat/metallb.md 5.1 to 5.4, 5.8 to
//! 5.10, and 11 #39).

use serde_json::{Value, json};

use crate::service::Service;
use crate::tenant::Tenant;

fn asking_for(address: &str) -> Value {
    json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": address}}})
}

/// A Service that shares under one key, on a port, with a traffic policy, for the pods that its selector selects.
fn sharing(port: u16, policy: &str, app: &str) -> Value {
    json!({
        "metadata": {"annotations": {"metallb.io/allow-shared-ip": "key"}},
        "spec": {"externalTrafficPolicy": policy, "selector": {"app": app}, "ports": [{"port": port}]},
    })
}

fn expect_refused(service: &Service, because: &str) {
    let condition = service.until_pending();
    assert!(
        condition.message.contains(because),
        "{:?} does not say {because:?}",
        condition.message
    );
    assert_eq!(service.addresses(), [""; 0]);
}

#[test]
fn addresses_that_some_devices_mishandle_are_avoided_and_taken_from_their_holders() {
    let Some(tenant) = Tenant::start("buggy") else {
        return;
    };
    let pool = tenant.pool("web", &[tenant.v4("0/30")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("0")]);
    pool.patch(json!({"spec": {"avoidBuggyIPs": true}}));
    service.until_event("ClearAssignment");
    service.until_addresses(&[tenant.v4("1")]);
    let asking = tenant.create_service_with("asks", asking_for(&tenant.v4("0")));
    expect_refused(&asking, "avoidBuggyIPs");
}

#[test]
fn services_share_only_with_other_ports_and_the_same_backend() {
    let Some(tenant) = Tenant::start("sharing") else {
        return;
    };
    tenant.pool("only", &[tenant.v4("7/32")]);
    let address = [tenant.v4("7")];
    let first = tenant.create_service_with("first", sharing(80, "Local", "web"));
    first.until_addresses(&address);
    let same_port = tenant.create_service_with("same-port", sharing(80, "Local", "web"));
    let other_pods = tenant.create_service_with("other-pods", sharing(81, "Local", "mail"));
    let every_node = tenant.create_service_with("every-node", sharing(82, "Cluster", "web"));
    for refused in [&same_port, &other_pods, &every_node] {
        refused.until_pending();
    }
    tenant
        .create_service_with("same-pods", sharing(83, "Local", "web"))
        .until_addresses(&address);
    let elsewhere = tenant.create_namespace("elsewhere", json!({}));
    tenant
        .create_service_in(&elsewhere, "web", sharing(84, "Local", "web"))
        .until_addresses(&address);
    for refused in [&same_port, &other_pods, &every_node] {
        assert_eq!(refused.addresses(), [""; 0]);
    }
}

#[test]
fn a_wish_that_cannot_be_granted_is_refused_with_its_reason() {
    let Some(tenant) = Tenant::start("refused") else {
        return;
    };
    tenant.pool("open", &[tenant.v4("0/30"), tenant.v6("/126")]);
    tenant.pool("other", &[tenant.v4("8/30")]);
    let nowhere = tenant.create_service_with("nowhere", asking_for("192.0.2.1"));
    expect_refused(&nowhere, "192.0.2.1");
    let other_family = tenant.create_service_with("other-family", asking_for(&tenant.v6("1")));
    expect_refused(&other_family, "IPv4");
    let mut both = asking_for(&tenant.v4("1"));
    both["metadata"]["annotations"]["metallb.io/address-pool"] = json!("other");
    let other_pool = tenant.create_service_with("other-pool", both);
    expect_refused(&other_pool, "other");
    let unknown = json!({"metadata": {"annotations": {"metallb.io/address-pool": "unknown"}}});
    let unknown = tenant.create_service_with("unknown-pool", unknown);
    expect_refused(&unknown, "unknown");
    tenant
        .create_service_with("first", asking_for(&tenant.v4("1")))
        .until_addresses(&[tenant.v4("1")]);
    let taken = tenant.create_service_with("taken", asking_for(&tenant.v4("1")));
    expect_refused(&taken, "first");
}

#[test]
fn another_wish_moves_a_service() {
    let Some(tenant) = Tenant::start("wish-changes") else {
        return;
    };
    tenant.pool("a", &[tenant.v4("0/30")]);
    tenant.pool("b", &[tenant.v4("8/30")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("0")]);
    service.annotate("metallb.io/loadBalancerIPs", Some(&tenant.v4("3")));
    service.until_addresses(&[tenant.v4("3")]);
    service.annotate("metallb.io/loadBalancerIPs", None);
    tenant.settle();
    assert_eq!(service.addresses(), [tenant.v4("3")], "no wish, no move");
    service.annotate("metallb.io/address-pool", Some("b"));
    service.until_addresses(&[tenant.v4("8")]);
    assert_eq!(service.pool(), Some("b".to_owned()));
}

#[test]
fn a_pool_that_does_not_admit_a_service_is_not_had_by_asking() {
    let Some(tenant) = Tenant::start("not-admitted") else {
        return;
    };
    let allocation = json!({"serviceAllocation": {"namespaces": ["somewhere-else"]}});
    tenant.pool_with("theirs", &[tenant.v4("0/30")], allocation);
    let by_pool = json!({"metadata": {"annotations": {"metallb.io/address-pool": "theirs"}}});
    let by_pool = tenant.create_service_with("by-pool", by_pool);
    expect_refused(&by_pool, "theirs");
    let by_address = tenant.create_service_with("by-address", asking_for(&tenant.v4("1")));
    expect_refused(&by_address, "theirs");
    let by_chance = tenant.create_service("by-chance");
    expect_refused(&by_chance, "theirs");
}

#[test]
fn an_address_that_a_service_of_another_class_has_is_taken() {
    let Some(tenant) = Tenant::start("foreign") else {
        return;
    };
    let class = json!({"spec": {"loadBalancerClass": "example.com/foreign"}});
    let foreign = tenant.create_service_with("foreign", class);
    foreign
        .patch_status(json!({"status": {"loadBalancer": {"ingress": [{"ip": tenant.v4("0")}]}}}));
    tenant.pool("web", &[tenant.v4("0/31")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("1")]);
    let asking = tenant.create_service_with("asks", asking_for(&tenant.v4("0")));
    expect_refused(&asking, "foreign");
    assert_eq!(foreign.addresses(), [tenant.v4("0")]);
}

#[test]
fn a_service_that_becomes_a_load_balancer_gets_an_address() {
    let Some(tenant) = Tenant::start("becomes") else {
        return;
    };
    tenant.pool("web", &[tenant.v4("0/30")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("0")]);
    service.patch(json!({"spec": {"type": "NodePort", "loadBalancerClass": null}}));
    service.until_forgotten();
    let class = format!("lab.ferrolb.io/{}", tenant.namespace);
    service.patch(json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": class}}));
    service.until_addresses(&[tenant.v4("0")]);
}

#[test]
fn a_second_family_that_is_not_to_be_had_is_told_of() {
    let Some(tenant) = Tenant::start("one-family") else {
        return;
    };
    tenant.pool("web", &[tenant.v4("0/30")]);
    let both = json!({"spec": {
        "ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"],
    }});
    let service = tenant.create_service_with("web", both);
    service.until_addresses(&[tenant.v4("0")]);
    service.until_event("AdditionalAssignFailed");
}

#[test]
fn two_addresses_have_to_be_of_one_pool() {
    let Some(tenant) = Tenant::start("two-pools") else {
        return;
    };
    tenant.pool("four", &[tenant.v4("0/30")]);
    tenant.pool("six", &[tenant.v6("/126")]);
    let mut wish = asking_for(&format!("{}, {}", tenant.v6("1"), tenant.v4("1")));
    wish["spec"] = json!({
        "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"],
    });
    let service = tenant.create_service_with("web", wish);
    expect_refused(&service, "six");
    tenant
        .object("metallb.io/v1beta1", "IPAddressPool", "six")
        .delete();
    tenant
        .object("metallb.io/v1beta1", "IPAddressPool", "four")
        .patch(json!({"spec": {"addresses": [tenant.v4("0/30"), tenant.v6("/126")]}}));
    // IPv4 first, whatever the order of the wish.
    service.until_addresses(&[tenant.v4("1"), tenant.v6("1")]);
}

#[test]
fn an_address_that_another_pool_takes_over_stays_with_its_service() {
    let Some(tenant) = Tenant::start("renamed") else {
        return;
    };
    let old = tenant.pool("old", &[tenant.v4("0/30")]);
    let first = tenant.create_service("first");
    first.until_addresses(&[tenant.v4("0")]);
    let second = tenant.create_service("second");
    second.until_addresses(&[tenant.v4("1")]);
    first.delete();
    // The newer of two pools that overlap is not in force until the older one is gone.
    tenant.pool("young", &[tenant.v4("0/30")]);
    tenant.settle();
    assert_eq!(second.pool(), Some("old".to_owned()));
    old.delete();
    second.until("of the other pool", |_| {
        second.pool().filter(|pool| pool == "young")
    });
    assert_eq!(second.addresses(), [tenant.v4("1")]);
    let moved = second
        .events()
        .iter()
        .any(|event| event.reason == "ClearAssignment");
    assert!(!moved, "it never lost its address");
}
