//! What others wrote on a Service before, such as MetalLB, and what is left on one that is no longer of type LoadBalancer.

use serde_json::{Value, json};

use crate::harness::own;
use crate::service::{Service, condition};
use crate::tenant::Tenant;

/// What another controller says of a Service.
const THEIRS: &str = "example.com/Scanned";

/// Writes as MetalLB does: addresses and annotation in one update of the status, by a field manager of its own.
fn give_as_metallb(service: &Service, address: &str, pool: &str) {
    service.patch_status(json!({
        "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": pool}},
        "status": {
            "loadBalancer": {"ingress": [{"ip": address}]},
            "conditions": [{
                "type": THEIRS, "status": "True", "reason": "Done", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    }));
}

/// Waits until the condition of ours says this, beside theirs.
fn until_ours(service: &Service, reason: &str) {
    service.until(&format!("with {reason}"), |object| {
        let ours = condition(object?, "ferrolb.io/AddressAssigned")?;
        let theirs = condition(object?, THEIRS)?;
        (ours.reason == reason && theirs.reason == "Done").then_some(())
    });
}

#[test]
fn an_address_that_metallb_gave_is_kept_and_can_be_taken_back() {
    let Some(mut tenant) = Tenant::prepare("takeover") else {
        return;
    };
    let pool = tenant.pool("web", &[tenant.v4("0/25")]);
    let service = tenant.create_service("web");
    let address = tenant.v4("77");
    give_as_metallb(&service, &address, "web");
    tenant.start_controller();
    until_ours(&service, "Assigned");
    assert_eq!(service.addresses(), [address]);

    pool.delete();
    service.until_addresses(&[]);
    service.until_path(
        "/metadata/annotations/metallb.io~1ip-allocated-from-pool",
        &Value::Null,
    );
    until_ours(&service, "NoPools");
}

/// A Service without loadBalancerClass, which goes with the type.
fn become_internal(service: &Service) {
    service.patch(json!({"spec": {"type": "ClusterIP"}}));
}

fn until_clean(service: &Service) {
    service.until("without anything of ours", |object| {
        let object = object?;
        let pool = object.pointer("/metadata/annotations/metallb.io~1ip-allocated-from-pool");
        let conditions = object
            .pointer("/status/conditions")
            .and_then(Value::as_array);
        let is_clean = pool.is_none() && conditions.is_none_or(Vec::is_empty);
        is_clean.then_some(())
    });
}

/// Only Services of type LoadBalancer are followed, so that these are no longer among them.
#[test]
fn nothing_of_ours_stays_on_a_service_that_is_no_longer_a_load_balancer() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "former");
    tenant.run.lb_class = String::new();
    tenant.pool("web", &[tenant.v4("0/31")]);
    tenant.start_controller();
    let (first, second) = (
        tenant.create_service("first"),
        tenant.create_service("second"),
    );
    let address = first.until_address();
    second.until_address();
    let waiting = tenant.create_service("waiting");
    waiting.until_pending();

    become_internal(&first);
    until_clean(&first);
    waiting.until_addresses(&[address]);

    tenant.stop_controller();
    become_internal(&second);
    become_internal(&waiting);
    tenant.start_controller();
    until_clean(&second);
    until_clean(&waiting);

    // One that comes back is served again.
    second.patch(json!({"spec": {"type": "LoadBalancer"}}));
    second.until_address();
}
