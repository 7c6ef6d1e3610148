//! The condition that tells who announces a Service. What speakers say of it, these tests write themselves.

use lab::cluster::Requests;
use serde_json::{Value, json};

use crate::object::{Object, apply, merge};
use crate::service::{Condition, Service, condition};
use crate::tenant::Tenant;

const ANNOUNCED: &str = "ferrolb.io/Announced";

/// Has the node exist, for as long as the server does.
fn node(tenant: &Tenant, name: &str) -> Object {
    let node = format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}");
    tenant.apply(&node);
    tenant.cluster_object("v1", "Node", name)
}

/// Writes a status as a speaker does.
fn say(tenant: &Tenant, kind: &str, node: &str, service: &str, more: Value) -> Object {
    let prefix = if kind == "ServiceL2Status" {
        "l2"
    } else {
        "bgp"
    };
    let namespace = &tenant.namespace;
    let name = format!("{prefix}-{service}.{namespace}.{node}");
    let labels = json!({
        "metallb.io/node": node,
        "metallb.io/service-name": service,
        "metallb.io/service-namespace": namespace,
    });
    let object = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {},
    });
    apply(&tenant.plane, namespace, &[object]);
    let object = tenant.object("metallb.io/v1beta1", kind, &name);
    let mut status = json!({"node": node, "serviceName": service, "serviceNamespace": namespace});
    merge(&mut status, more);
    object.patch_status(json!({ "status": status }));
    object
}

/// An endpoint of the Service that is ready on a node.
fn endpoint(tenant: &Tenant, service: &str, node: &str) {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": format!("{service}-1"), "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["203.0.113.7"], "nodeName": node, "conditions": {"ready": true}}],
    });
    apply(&tenant.plane, &tenant.namespace, &[slice]);
}

fn advertise(tenant: &Tenant, kind: &str) -> Object {
    tenant.apply(&format!(
        "{{apiVersion: metallb.io/v1beta1, kind: {kind}, metadata: {{name: all}}}}"
    ));
    tenant.object("metallb.io/v1beta1", kind, "all")
}

/// Waits until the condition has this reason.
fn until_reason(service: &Service, reason: &str) -> Condition {
    service.until(&format!("with reason {reason}"), |service| {
        let found = condition(service?, ANNOUNCED)?;
        (found.reason == reason).then_some(found)
    })
}

#[test]
fn a_service_that_nobody_can_announce_says_why_in_the_write_that_gives_the_address() {
    let Some(tenant) = Tenant::start("silent") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/28")]);
    tenant.settle();
    let audit = tenant.audit();
    let service = tenant.create_service("web");
    let condition = until_reason(&service, "NoAdvertisement");
    assert_eq!(condition.status, "False");
    let expected = "allocated, but no advertisement selects pool pool; create an L2Advertisement or a \
                    BGPAdvertisement with ipAddressPools: [pool]";
    assert_eq!(condition.message, expected);
    tenant.settle();
    let requests: Requests = tenant.requests_since(&audit);
    // One, and one for the Service by which it is seen that all is done.
    assert_eq!(requests.of("patch services/status"), 2, "{requests}");

    // One more when somebody announces it.
    node(&tenant, "silent-1");
    endpoint(&tenant, "web", "silent-1");
    advertise(&tenant, "L2Advertisement");
    say(&tenant, "ServiceL2Status", "silent-1", "web", json!({}));
    let condition = until_reason(&service, "Announced");
    assert_eq!(
        (condition.status.as_str(), condition.message.as_str()),
        ("True", "by layer 2 from silent-1")
    );
    tenant.settle();
    let requests = tenant.requests_since(&audit);
    assert_eq!(requests.of("patch services/status"), 4, "{requests}");
}

#[test]
fn nodes_and_peers_that_announce_are_counted_and_a_restart_of_one_is_no_news() {
    let Some(mut tenant) = Tenant::start("counting") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/28")]);
    advertise(&tenant, "BGPAdvertisement");
    tenant.apply(
        "{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: tor}, spec: {myASN: 64512, peerASN: 64513, \
         peerAddress: 203.0.113.1}}",
    );
    for name in ["counting-1", "counting-2"] {
        node(&tenant, name);
    }
    let service = tenant.create_service("web");
    service.until_address();
    assert_eq!(until_reason(&service, "NoEndpoints").status, "False");
    endpoint(&tenant, "web", "counting-1");
    for name in ["counting-1", "counting-2"] {
        say(
            &tenant,
            "ServiceBGPStatus",
            name,
            "web",
            json!({"peers": ["tor", "spine"]}),
        );
    }
    let condition = service.until("announced from both", |service| {
        let found = condition(service?, ANNOUNCED)?;
        (found.message == "by BGP from 2 nodes to 2 peers").then_some(found)
    });

    // One goes and comes again, and the controller itself does.
    tenant.settle();
    let audit = tenant.audit();
    let last = say(
        &tenant,
        "ServiceBGPStatus",
        "counting-2",
        "web",
        json!({"peers": ["tor", "spine"]}),
    );
    last.delete();
    say(
        &tenant,
        "ServiceBGPStatus",
        "counting-2",
        "web",
        json!({"peers": ["tor", "spine"]}),
    );
    tenant.stop_controller();
    tenant.start_controller();
    tenant.settle();
    let requests = tenant.requests_since(&audit);
    assert_eq!(
        requests.of("patch services/status"),
        1,
        "the one that shows it: {requests}"
    );
    assert_eq!(until_reason(&service, "Announced").since, condition.since);
}

/// Writes the state of a node's speaker, which hears another host with these addresses.
fn hear(tenant: &Tenant, node: &str, addresses: &[String]) {
    let condition = |address: &String| {
        json!({
            "type": format!("speaker.metallb.io/addressConflict.{address}"),
            "status": "True", "reason": "Warning", "message": format!("{address} is claimed"),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let (version, kind) = ("metallb.io/v1beta1", "ConfigurationState");
    let name = format!("speaker-{node}");
    let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    apply(&tenant.plane, &tenant.namespace, &[object]);
    let conditions: Vec<Value> = addresses.iter().map(condition).collect();
    let state = tenant.object(version, kind, &name);
    state.patch_status(json!({"status": {"conditions": conditions}}));
}

#[test]
fn a_host_that_claims_the_address_is_told_of_for_as_long_as_it_does() {
    let Some(tenant) = Tenant::start("claimed") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/28")]);
    advertise(&tenant, "L2Advertisement");
    node(&tenant, "claimed-1");
    let service = tenant.create_service("web");
    let address = service.until_address();
    endpoint(&tenant, "web", "claimed-1");
    say(&tenant, "ServiceL2Status", "claimed-1", "web", json!({}));
    until_reason(&service, "Announced");
    hear(&tenant, "claimed-1", std::slice::from_ref(&address));
    let condition = until_reason(&service, "AddressConflict");
    let expected = format!("by layer 2 from claimed-1, but {address} is claimed");
    assert_eq!(
        (condition.status.as_str(), condition.message),
        ("True", expected)
    );
    hear(&tenant, "claimed-1", &[]);
    until_reason(&service, "Announced");
}

#[test]
fn what_a_node_that_is_gone_has_said_is_removed() {
    let Some(tenant) = Tenant::start("bereft") else {
        return;
    };
    node(&tenant, "bereft-1");
    let kept = say(
        &tenant,
        "ServiceBGPStatus",
        "bereft-1",
        "web",
        json!({"peers": ["tor"]}),
    );
    let gone = [
        say(
            &tenant,
            "ServiceBGPStatus",
            "bereft-2",
            "web",
            json!({"peers": ["tor"]}),
        ),
        say(&tenant, "ServiceL2Status", "bereft-2", "web", json!({})),
    ];
    for object in gone {
        object.until("gone", |object| object.is_none().then_some(()));
    }
    assert!(kept.get().is_some());
}
