//! Addresses that are given back, kept and taken away.

use serde_json::json;

use crate::service::Service;
use crate::tenant::Tenant;

/// A pool of one address, who has it, and who waits for it.
fn one_has_it_and_one_waits(tenant: &Tenant) -> (Service, Service) {
    tenant.pool("only", &[tenant.v4("7/32")]);
    let first = tenant.create_service("first");
    first.until_addresses(&[tenant.v4("7")]);
    let second = tenant.create_service("second");
    second.until_event("AllocationFailed");
    (first, second)
}

#[test]
fn the_address_of_a_service_that_becomes_a_cluster_ip_goes_to_the_one_that_waits() {
    let Some(tenant) = Tenant::start("moves-by-type") else {
        return;
    };
    let (first, second) = one_has_it_and_one_waits(&tenant);
    first.patch(json!({"spec": {"type": "ClusterIP"}}));
    second.until_addresses(&[tenant.v4("7")]);
    first.until_forgotten();
    assert_eq!(second.pool(), Some("only".to_owned()));
}

#[test]
fn the_address_of_a_service_that_is_deleted_goes_to_the_one_that_waits() {
    let Some(tenant) = Tenant::start("moves-by-deletion") else {
        return;
    };
    let (first, second) = one_has_it_and_one_waits(&tenant);
    first.delete();
    second.until_addresses(&[tenant.v4("7")]);
}

#[test]
fn addresses_are_kept_over_a_restart_and_who_waited_still_waits() {
    let Some(mut tenant) = Tenant::start("kept-over-restart") else {
        return;
    };
    let range = format!("{}-{}", tenant.v4("1"), tenant.v4("3"));
    let pool = tenant.pool("three", &[range]);
    let holders: Vec<Service> = (1..=3)
        .map(|number| {
            let service = tenant.create_service(&format!("holder{number}"));
            service.until_addresses(&[tenant.v4(&number.to_string())]);
            service
        })
        .collect();
    let waiting = tenant.create_service("a-waiting-one");
    waiting.until_event("AllocationFailed");

    tenant.restart_controller();
    tenant.settle();
    for (number, service) in (1..=3).zip(&holders) {
        assert_eq!(service.addresses(), [tenant.v4(&number.to_string())]);
    }
    assert_eq!(waiting.addresses(), [""; 0]);

    let wider = json!({"spec": {"addresses": [tenant.v4("0/29")]}});
    pool.patch(wider);
    waiting.until_addresses(&[tenant.v4("0")]);
}

#[test]
fn a_service_that_waits_gets_in_when_the_holder_begins_to_share() {
    let Some(tenant) = Tenant::start("sharing-change") else {
        return;
    };
    tenant.pool("only", &[tenant.v4("7/32")]);
    let sharing = |port: u16, policy: &str| {
        json!({
            "metadata": {"annotations": {"metallb.io/allow-shared-ip": "key"}},
            "spec": {"externalTrafficPolicy": policy, "ports": [{"port": port}]},
        })
    };
    let holder = tenant.create_service_with("holder", sharing(80, "Local"));
    holder.until_addresses(&[tenant.v4("7")]);
    let other = tenant.create_service_with("other", sharing(81, "Cluster"));
    other.until_event("AllocationFailed");

    holder.patch(json!({"spec": {"externalTrafficPolicy": "Cluster"}}));
    other.until_addresses(&[tenant.v4("7")]);
    holder.until_addresses(&[tenant.v4("7")]);
}

#[test]
fn a_service_that_waits_gets_in_when_its_own_sharing_key_becomes_that_of_the_holder() {
    let Some(tenant) = Tenant::start("sharing-key") else {
        return;
    };
    tenant.pool("only", &[tenant.v4("7/32")]);
    let with_key = |key: &str, port: u16| {
        json!({
            "metadata": {"annotations": {"metallb.io/allow-shared-ip": key}},
            "spec": {"ports": [{"port": port}]},
        })
    };
    let holder = tenant.create_service_with("holder", with_key("ours", 80));
    holder.until_addresses(&[tenant.v4("7")]);
    let other = tenant.create_service_with("other", with_key("theirs", 81));
    other.until_event("AllocationFailed");

    other.annotate("metallb.io/allow-shared-ip", Some("ours"));
    other.until_addresses(&[tenant.v4("7")]);
}

#[test]
fn services_lose_their_addresses_with_the_last_pool() {
    let Some(tenant) = Tenant::start("no-pools") else {
        return;
    };
    let pools = [
        tenant.pool("first", &[tenant.v4("1/32")]),
        tenant.pool("second", &[tenant.v4("2/32")]),
    ];
    let services = ["one", "two"].map(|name| tenant.create_service(name));
    for service in &services {
        service.until_address();
    }
    for pool in &pools {
        pool.delete();
    }
    for service in &services {
        service.until_addresses(&[]);
        service.until_event("ClearAssignment");
        assert_eq!(service.pool(), None);
    }
}

#[test]
fn a_service_moves_to_another_pool_when_its_own_is_deleted() {
    let Some(tenant) = Tenant::start("pool-deleted") else {
        return;
    };
    let first = tenant.pool("first", &[tenant.v4("0/30")]);
    tenant.pool("second", &[tenant.v4("16/30")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("0")]);
    first.delete();
    service.until_addresses(&[tenant.v4("16")]);
    assert_eq!(service.pool(), Some("second".to_owned()));
}

#[test]
fn a_service_of_some_class_gets_nothing_from_a_controller_that_serves_none() {
    let Some(mut tenant) = Tenant::prepare("classless") else {
        return;
    };
    let classed = tenant.create_service("classed");
    tenant.run.lb_class = String::new();
    tenant.start_controller();
    tenant.pool("some", &[tenant.v4("0/24")]);
    let plain = tenant.create_service("plain");
    plain.until_addresses(&[tenant.v4("0")]);
    assert_eq!(classed.addresses(), [""; 0]);
    assert_eq!(classed.events(), []);
    // Nobody else's controller shall ever serve it.
    plain.delete();
}
