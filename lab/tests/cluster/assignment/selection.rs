//! Pools that are for some Services only (`serviceAllocation`).

use serde_json::json;

use crate::tenant::Tenant;

#[test]
fn a_pool_for_a_namespace_serves_it_alone_and_the_others_take_the_rest() {
    let Some(tenant) = Tenant::start("for-namespace") else {
        return;
    };
    let ours = tenant.create_namespace("ours", json!({}));
    let allocation = json!({"serviceAllocation": {"priority": 20, "namespaces": [ours]}});
    tenant.pool_with("for-ours", &[tenant.v4("0/31")], allocation);
    tenant.pool("for-all", &[tenant.v4("16/30")]);

    let service = tenant.create_service_in(&ours, "web", json!({}));
    service.until_addresses(&[tenant.v4("0")]);
    let other = tenant.create_service("web");
    other.until_addresses(&[tenant.v4("16")]);
    // Its own pool first, then what is for all.
    tenant
        .create_service_in(&ours, "web2", json!({}))
        .until_addresses(&[tenant.v4("1")]);
    tenant
        .create_service_in(&ours, "web3", json!({}))
        .until_addresses(&[tenant.v4("17")]);
}

#[test]
fn of_two_pools_for_a_namespace_the_lower_priority_value_is_taken_first() {
    let Some(tenant) = Tenant::start("by-priority") else {
        return;
    };
    let allocation = |priority: u32| json!({"serviceAllocation": {"priority": priority, "namespaces": [tenant.namespace]}});
    tenant.pool_with("a-later", &[tenant.v4("0/30")], allocation(20));
    tenant.pool_with("b-first", &[tenant.v4("16/32")], allocation(10));
    // 0 is no priority at all: the last.
    tenant.pool_with("a-last", &[tenant.v4("32/30")], allocation(0));

    tenant
        .create_service("one")
        .until_addresses(&[tenant.v4("16")]);
    tenant
        .create_service("two")
        .until_addresses(&[tenant.v4("0")]);
}

#[test]
fn a_pool_with_only_a_priority_is_taken_in_its_order() {
    let Some(tenant) = Tenant::start("only-priority") else {
        return;
    };
    let allocation = |priority: u32| json!({"serviceAllocation": {"priority": priority}});
    tenant.pool_with("a-later", &[tenant.v4("0/30")], allocation(20));
    tenant.pool_with("b-first", &[tenant.v4("16/30")], allocation(10));
    tenant
        .create_service("web")
        .until_addresses(&[tenant.v4("16")]);
}

#[test]
fn a_pool_serves_the_namespaces_that_it_names_and_those_that_it_selects() {
    let Some(tenant) = Tenant::start("namespace-union") else {
        return;
    };
    let named = tenant.create_namespace("named", json!({}));
    let selected = tenant.create_namespace("selected", json!({"team": "union"}));
    let allocation = json!({"serviceAllocation": {
        "namespaces": [named],
        "namespaceSelectors": [{"matchLabels": {"team": "union"}}],
    }});
    tenant.pool_with("some", &[tenant.v4("0/30")], allocation);

    for namespace in [&named, &selected] {
        let service = tenant.create_service_in(namespace, "web", json!({}));
        service.until_address();
        assert_eq!(service.pool(), Some("some".to_owned()));
    }
    let stranger = tenant.create_service("stranger");
    stranger.until_event("AllocationFailed");
    assert_eq!(stranger.addresses(), [""; 0]);
}

#[test]
fn a_pool_serves_the_services_that_it_selects() {
    let Some(tenant) = Tenant::start("service-label") else {
        return;
    };
    let allocation =
        json!({"serviceAllocation": {"serviceSelectors": [{"matchLabels": {"tier": "front"}}]}});
    tenant.pool_with("front", &[tenant.v4("0/30")], allocation);
    let front = json!({"metadata": {"labels": {"tier": "front"}}});
    tenant
        .create_service_with("front", front)
        .until_addresses(&[tenant.v4("0")]);
    let back = tenant.create_service("back");
    back.until_event("AllocationFailed");

    // A label that is given later counts too.
    back.patch(json!({"metadata": {"labels": {"tier": "front"}}}));
    back.until_addresses(&[tenant.v4("1")]);
}

#[test]
fn a_pool_with_namespaces_and_selectors_wants_both() {
    let Some(tenant) = Tenant::start("both-labels") else {
        return;
    };
    let ours = tenant.create_namespace("ours", json!({}));
    let allocation = json!({"serviceAllocation": {
        "namespaces": [ours],
        "serviceSelectors": [{"matchLabels": {"tier": "front"}}],
    }});
    tenant.pool_with("front-of-ours", &[tenant.v4("0/30")], allocation);
    let front = json!({"metadata": {"labels": {"tier": "front"}}});

    let elsewhere = tenant.create_service_with("front", front.clone());
    let unlabelled = tenant.create_service_in(&ours, "back", json!({}));
    for service in [&elsewhere, &unlabelled] {
        service.until_event("AllocationFailed");
    }
    tenant
        .create_service_in(&ours, "front", front)
        .until_addresses(&[tenant.v4("0")]);
    assert_eq!(elsewhere.addresses(), [""; 0]);
    assert_eq!(unlabelled.addresses(), [""; 0]);
}

#[test]
fn a_namespace_that_gets_or_loses_the_label_gets_or_loses_the_pool() {
    let Some(tenant) = Tenant::start("namespace-label") else {
        return;
    };
    let namespace = tenant.create_namespace("ours", json!({}));
    let label = |value: serde_json::Value| json!({"metadata": {"labels": {"team": value}}});
    let allocation = json!({"serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"team": "relabelled"}}]}});
    tenant.pool_with("some", &[tenant.v4("0/30")], allocation);
    let service = tenant.create_service_in(&namespace, "web", json!({}));
    service.until_event("AllocationFailed");

    let namespace = tenant.cluster_object("v1", "Namespace", &namespace);
    namespace.patch(label(json!("relabelled")));
    service.until_addresses(&[tenant.v4("0")]);
    namespace.patch(label(json!(null)));
    service.until_addresses(&[]);
}
