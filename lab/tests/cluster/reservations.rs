//! IPReservations, pools that are drained, and pools whose addresses the cluster uses itself.

use serde_json::{Value, json};

use crate::object::Object;
use crate::object::apply;
use crate::tenant::Tenant;

/// Writes an IPReservation.
fn reserve(tenant: &Tenant, name: &str, spec: Value) -> Object {
    let reservation = json!({
        "apiVersion": "ferrolb.io/v1alpha1", "kind": "IPReservation",
        "metadata": {"name": name},
        "spec": spec,
    });
    apply(&tenant.plane, &tenant.namespace, &[reservation]);
    tenant.object("ferrolb.io/v1alpha1", "IPReservation", name)
}

/// Waits until the condition of a reservation has this reason, and returns its message.
fn until_reason(reservation: &Object, reason: &str) -> String {
    reservation.until(&format!("with reason {reason}"), |object| {
        let condition = object?.pointer("/status/conditions/0")?;
        let message = condition["message"].as_str()?.to_owned();
        (condition["type"] == "Reserved" && condition["reason"] == reason).then_some(message)
    })
}

fn wanting(address: &str) -> Value {
    json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": address}}})
}

#[test]
fn a_reserved_address_waits_for_its_service_and_nobody_else_gets_it() {
    let Some(tenant) = Tenant::start("reserved") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/29")]);
    let address = tenant.v4("0");
    let web = json!({"namespace": tenant.namespace, "name": "web"});
    let reservation = reserve(
        &tenant,
        "r",
        json!({"addresses": [address], "service": web}),
    );
    until_reason(&reservation, "Reserved");

    tenant
        .create_service("first")
        .until_addresses(&[tenant.v4("1")]);
    let thief = tenant.create_service_with("thief", wanting(&address));
    let refused = thief.until_pending();
    assert_eq!(refused.reason, "AddressReserved");
    assert!(
        refused.message.contains("IPReservation r"),
        "{}",
        refused.message
    );

    let web = tenant.create_service("web");
    web.until_addresses(std::slice::from_ref(&address));
    let users =
        json!([{"address": address, "service": {"namespace": tenant.namespace, "name": "web"}}]);
    reservation.until_path("/status/users", &users);
    web.delete();
    reservation.until_path("/status/users", &json!([]));
    tenant
        .create_service("second")
        .until_addresses(&[tenant.v4("2")]);
    tenant.create_service("web").until_addresses(&[address]);
}

#[test]
fn addresses_chosen_for_labels_are_the_same_after_a_restart() {
    let Some(mut tenant) = Tenant::start("counted") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/28")]);
    let taken = tenant.create_service("taken");
    taken.until_addresses(&[tenant.v4("0")]);
    let spec =
        json!({"count": 2, "pool": "pool", "serviceSelector": {"matchLabels": {"tier": "front"}}});
    let reservation = reserve(&tenant, "r", spec);
    let chosen = json!([tenant.v4("1"), tenant.v4("2")]);
    reservation.until_path("/status/addresses", &chosen);

    // What is lower is free now, and would be chosen if nothing were remembered.
    taken.delete();
    tenant.restart_controller();
    tenant
        .create_service("other")
        .until_addresses(&[tenant.v4("0")]);
    tenant
        .create_service("another")
        .until_addresses(&[tenant.v4("3")]);
    let front = json!({"metadata": {"labels": {"tier": "front"}}});
    for (name, address) in [("a", "1"), ("b", "2"), ("c", "4")] {
        let service = tenant.create_service_with(name, front.clone());
        service.until_addresses(&[tenant.v4(address)]);
    }
    assert_eq!(reservation.at_path("/status/addresses"), chosen);
}

#[test]
fn a_reservation_says_what_is_in_its_way() {
    let Some(tenant) = Tenant::start("in-the-way") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/30")]);
    let holder = tenant.create_service("holder");
    holder.until_addresses(&[tenant.v4("0")]);
    let web = json!({"namespace": tenant.namespace, "name": "web"});
    let held = reserve(
        &tenant,
        "held",
        json!({"addresses": [tenant.v4("0")], "service": web}),
    );
    let message = until_reason(&held, "HeldByOthers");
    assert!(message.contains("in-the-way/holder"), "{message}");
    holder.until_addresses(&[tenant.v4("0")]);
    let short = reserve(
        &tenant,
        "short",
        json!({"count": 4, "pool": "pool", "service": web}),
    );
    until_reason(&short, "Exhausted");
    let nowhere = reserve(
        &tenant,
        "nowhere",
        json!({"addresses": ["203.0.113.1"], "service": web}),
    );
    until_reason(&nowhere, "NotInPool");
    holder.delete();
    until_reason(&held, "Reserved");
    tenant
        .create_service("web")
        .until_addresses(&[tenant.v4("0")]);
}

#[test]
fn the_server_refuses_a_reservation_that_makes_no_sense() {
    let Some(tenant) = Tenant::prepare("senseless") else {
        return;
    };
    let service = "service: {namespace: shop, name: web}";
    for (spec, complaint) in [
        (
            format!("{{{service}}}"),
            "exactly one of addresses and count must be set",
        ),
        (format!("{{count: 1, {service}}}"), "count needs pool"),
        (
            format!("{{addresses: [192.0.2.1], pool: a, {service}}}"),
            "pool and ipFamilies need count",
        ),
        (
            format!("{{addresses: [192.0.2.0/24], {service}}}"),
            "must be an IP address",
        ),
        (
            format!("{{count: 1000, pool: a, {service}}}"),
            "should be less than or equal to 256",
        ),
        (
            "{addresses: [192.0.2.1]}".to_owned(),
            "exactly one of service and serviceSelector must be set",
        ),
        (
            format!("{{addresses: [192.0.2.1], namespaces: [shop], {service}}}"),
            "namespaces needs serviceSelector",
        ),
    ] {
        let yaml = format!(
            "{{apiVersion: ferrolb.io/v1alpha1, kind: IPReservation, metadata: {{name: r}}, spec: {spec}}}"
        );
        let refused = tenant.try_apply(&yaml).unwrap_err();
        let text = format!("{refused:?}");
        assert!(text.contains(complaint), "{spec}: {text}");
    }
}

#[test]
fn holders_keep_addresses_of_a_pool_that_is_drained_and_newcomers_get_none() {
    let Some(tenant) = Tenant::start("drained") else {
        return;
    };
    let pool = tenant.pool("pool", &[tenant.v4("0/30")]);
    let holder = tenant.create_service("holder");
    holder.until_addresses(&[tenant.v4("0")]);

    let excluded = tenant.v4("0/31");
    pool.patch(json!({"metadata": {"annotations": {"ferrolb.io/excluded-addresses": excluded}}}));
    pool.until_path("/status/availableIPv4", &json!(2));
    assert_eq!(pool.at_path("/status/assignedIPv4"), json!(1));
    tenant
        .create_service("newcomer")
        .until_addresses(&[tenant.v4("2")]);
    let refused = tenant
        .create_service_with("wanting", wanting(&tenant.v4("1")))
        .until_pending();
    assert_eq!(refused.reason, "AddressExcluded");

    pool.patch(json!({"metadata": {"annotations": {"ferrolb.io/disabled": "true"}}}));
    pool.until_path("/status/availableIPv4", &json!(0));
    let late = tenant.create_service("late");
    let refused = late.until_pending();
    assert!(
        refused
            .message
            .contains("remove the annotation ferrolb.io/disabled"),
        "{}",
        refused.message
    );
    holder.until_addresses(&[tenant.v4("0")]);

    pool.patch(json!({"metadata": {"annotations": {"ferrolb.io/disabled": null}}}));
    late.until_addresses(&[tenant.v4("3")]);
    holder.delete();
    pool.until_path("/status/assignedIPv4", &json!(2));
    assert_eq!(pool.at_path("/status/availableIPv4"), json!(0));
}

#[test]
fn a_pool_with_addresses_of_a_node_is_warned_of_and_stays_in_force() {
    let Some(tenant) = Tenant::start("overlap") else {
        return;
    };
    let pool = tenant.pool("pool", &[tenant.v4("0/24")]);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "overlap-node"}});
    apply(&tenant.plane, &tenant.namespace, &[node]);
    let node = tenant.cluster_object("v1", "Node", "overlap-node");
    let addresses = json!([{"type": "InternalIP", "address": tenant.v4("9")}]);
    node.patch_status(json!({"status": {"addresses": addresses}}));

    let state = tenant.object("metallb.io/v1beta1", "ConfigurationState", "controller");
    let warning = |state: &Value| -> Option<Value> {
        let conditions = state.pointer("/status/conditions")?.as_array()?;
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == "ipaddresspool.metallb.io/pool");
        found.cloned()
    };
    let told = state.until("with a warning", |state| warning(state?));
    assert_eq!(
        (&told["status"], &told["reason"]),
        (&json!("True"), &json!("Warning"))
    );
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("overlap-node"), "{message}");
    assert_eq!(state.at_path("/status/result"), "Valid");
    tenant
        .create_service("web")
        .until_addresses(&[tenant.v4("0")]);

    let excluded = tenant.v4("9/32");
    pool.patch(json!({"metadata": {"annotations": {"ferrolb.io/excluded-addresses": excluded}}}));
    state.until("without a warning", |state| {
        warning(state?).is_none().then_some(())
    });
    node.delete();
}
