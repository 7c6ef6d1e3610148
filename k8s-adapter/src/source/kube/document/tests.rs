//! Objects as servers send them.

use k8s_openapi::api::core::v1::Secret;
use planner::effect::StatusBody;
use serde_json::json;

use super::*;
use crate::crd::{BGPPeer, IPAddressPool, L2Advertisement, ServiceBGPStatus};

fn read<W: Wire>(object: Value) -> Document<W> {
    serde_json::from_str(&object.to_string()).unwrap()
}

/// What every object has: far more than is kept.
fn metadata(name: &str) -> Value {
    json!({
        "name": name, "namespace": "metallb-system", "uid": "u-1", "resourceVersion": "7", "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z", "labels": { "app": "web" },
        "annotations": { "metallb.io/address-pool": "blue" },
        "managedFields": [
            { "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:spec": { "f:type": {} } } },
            { "manager": "ferrolb-controller", "operation": "Apply", "subresource": "status", "fieldsV1": {} },
        ],
    })
}

#[test]
fn an_object_has_name_and_stamp() {
    let service: Document<ServiceWire> = read(json!({
        "metadata": metadata("web"),
        "spec": { "type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": [{ "port": 80, "protocol": "TCP" }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": "198.51.100.1", "ipMode": "VIP" }] } },
    }));
    assert_eq!(
        service.object_name(),
        ObjectName::new("metallb-system", "web")
    );
    let stamp = service.stamp();
    assert_eq!((&*stamp.uid, &*stamp.resource_version), ("u-1", "7"));
    let service = service.object.unwrap().unwrap();
    assert_eq!(service.ingress.len(), 1);
    assert_eq!(service.wanted_pool.unwrap().as_str(), "blue");
    assert_eq!(service.created.as_secs(), 1_767_225_600);
}

#[test]
fn a_node_is_read_without_what_runs_on_it() {
    let node: Document<NodeWire> = read(json!({
        "metadata": { "name": "n1", "labels": { "zone": "a" } },
        "status": {
            "conditions": [{ "type": "NetworkUnavailable", "status": "True" }],
            "images": [{ "names": ["registry.example/image"], "sizeBytes": 1 }],
        },
    }));
    let node = node.object.unwrap().unwrap();
    assert_eq!(node.network, planner::node::Network::Unavailable);
}

#[test]
fn of_a_status_object_is_kept_what_it_says_and_that_it_is_there() {
    let mut object = json!({ "metadata": metadata("bgp-web.shop.n1"), "spec": {} });
    let bare: Document<StatusWire<ServiceBGPStatus>> = read(object.clone());
    assert_eq!(bare.object.unwrap(), Some(None));
    object["status"] = json!({
        "node": "n1", "serviceName": "web", "serviceNamespace": "shop", "peers": ["tor"],
    });
    let whole: Document<StatusWire<ServiceBGPStatus>> = read(object);
    let said = whole.object.unwrap().unwrap().unwrap();
    assert_eq!(
        said.id.to_string(),
        "ServiceBGPStatus of shop/web on node n1"
    );
    let peers = ["tor".into()].into();
    assert_eq!(said.body, StatusBody::Bgp { peers });
}

#[test]
fn a_pod_is_found_at_all_of_its_addresses_while_it_runs() {
    let pod = |status: Value| {
        let pod: Document<PodWire> =
            read(json!({ "metadata": metadata("speaker"), "status": status }));
        pod.object.unwrap()
    };
    let ips = json!([{ "ip": "192.0.2.1" }, { "ip": "2001:db8::1" }]);
    let addresses = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
    let running = json!({ "phase": "Running", "podIP": "192.0.2.1", "podIPs": ips });
    assert_eq!(pod(running), Some(addresses.into()));
    assert_eq!(pod(json!({ "phase": "Pending" })), Some(BTreeSet::new()));
    assert_eq!(
        pod(json!({ "phase": "Failed", "podIP": "192.0.2.1" })),
        None
    );
}

#[test]
fn a_namespace_is_its_labels() {
    let namespace: Document<NamespaceWire> =
        read(json!({ "metadata": { "name": "shop", "labels": { "team": "a" } } }));
    assert!(namespace.object.unwrap().unwrap().contains_key("team"));
}

#[test]
fn of_secrets_that_hold_no_password_the_type_alone_is_kept() {
    let secret = |kind: &str| -> Secret {
        let secret =
            json!({ "metadata": metadata("s"), "type": kind, "data": { "password": "eA==" } });
        read::<SecretWire>(secret).object.unwrap().unwrap()
    };
    assert!(secret("kubernetes.io/basic-auth").data.is_some());
    let release = secret("helm.sh/release.v1");
    assert_eq!(
        (release.data, release.type_.as_deref()),
        (None, Some("helm.sh/release.v1"))
    );
}

#[test]
fn an_advertisement_without_a_spec_is_for_everything() {
    let advertisement: Document<CustomWire<L2Advertisement>> =
        read(json!({ "metadata": metadata("all") }));
    assert_eq!(
        advertisement.object.unwrap().unwrap().spec,
        Default::default()
    );
}

/// Stored before the schema said that it is a duration, or with a schema that does not.
#[test]
fn a_stored_value_that_no_type_takes_is_a_fault_of_that_object() {
    let peer: Document<CustomWire<BGPPeer>> = read(json!({
        "metadata": metadata("tor"),
        "spec": { "peerAddress": "198.51.100.1", "peerASN": "many", "myASN": 64512 },
    }));
    assert_eq!(&*peer.object_name().name, "tor");
    let faults = peer.object.unwrap_err();
    assert_eq!(
        faults
            .iter()
            .map(|fault| fault.field.as_str())
            .collect::<Vec<_>>(),
        ["spec.peerASN"]
    );
}

#[test]
fn nothing_is_kept_of_managed_fields() {
    let pool: Document<CustomWire<IPAddressPool>> = read(json!({
        "metadata": metadata("blue"), "spec": { "addresses": ["198.51.100.0/24"] },
    }));
    let pool = pool.object.unwrap().unwrap();
    assert_eq!(pool.metadata.managed_fields, None);
    assert_eq!(pool.metadata.name.as_deref(), Some("blue"));
}

#[test]
fn metadata_alone_tells_who_was_given_an_address() {
    let carries = |metadata: Value| {
        let service: Document<ServiceMetadataWire> = read(json!({ "metadata": metadata }));
        service.object.unwrap().is_some()
    };
    assert!(carries(metadata("web")));
    let pool = json!({ "metallb.io/ip-allocated-from-pool": "blue" });
    assert!(carries(json!({ "name": "web", "annotations": pool })));
    let others = json!([{ "manager": "kubectl" }]);
    assert!(!carries(json!({ "name": "web", "managedFields": others })));
    assert!(!carries(json!({ "name": "web" })));
}

#[test]
fn an_object_without_a_name_is_none() {
    assert!(serde_json::from_str::<Document<NamespaceWire>>(r#"{"metadata": {}}"#).is_err());
}

#[test]
fn debug_output_shows_no_password() {
    let applied = json!({"kubectl.kubernetes.io/last-applied-configuration": "password: hunter2"});
    let metadata = json!({"name": "router", "namespace": "metallb-system", "annotations": applied});
    let secret = json!({
        "metadata": metadata, "type": BASIC_AUTH, "data": {"password": "aHVudGVyMg=="},
    });
    let secret: Document<SecretWire> = serde_json::from_value(secret).unwrap();
    let data = secret
        .object
        .as_ref()
        .unwrap()
        .as_ref()
        .unwrap()
        .data
        .as_ref();
    assert_eq!(data.unwrap()["password"].0, b"hunter2");
    let peer = json!({
        "metadata": metadata,
        "spec": {"myASN": 1, "peerASN": 2, "peerAddress": "198.51.100.1", "password": "hunter2"},
    });
    let peer: Document<CustomWire<BGPPeer>> = serde_json::from_value(peer).unwrap();
    let octets = format!("{:?}", b"hunter2").replace(['[', ']'], "");
    for text in [format!("{secret:?}"), format!("{peer:?}")] {
        assert!(text.contains("router"), "{text}");
        assert!(
            !text.contains("hunter2") && !text.contains(&octets),
            "{text}"
        );
    }
}
