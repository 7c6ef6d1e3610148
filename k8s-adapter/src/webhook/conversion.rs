//! BGPPeers of one version to the other (compat/metallb.md 1.2), as the API server asks for with a ConversionReview.
//!
//! The fields of `v1beta1` are a subset of those of `v1beta2`, under the same names. So objects are converted as they
//! are, field by field, and never read into types: the API server also asks about parts of objects, when it works out
//! who applied which field.

use kube::core::conversion::{ConversionRequest, ConversionResponse};
use kube::core::response::{Status, reason};
use serde_json::{Map, Value};

/// Answers a ConversionReview. One object that cannot be converted fails the whole request, as the API demands; the
/// message names every one of them.
#[must_use]
pub fn convert(mut request: ConversionRequest) -> ConversionResponse {
    let objects = std::mem::take(&mut request.objects);
    let desired = request.desired_api_version.clone();
    let response = ConversionResponse::for_request(request);
    let mut converted = Vec::with_capacity(objects.len());
    let mut errors = Vec::new();
    for object in objects {
        match convert_object(object, &desired) {
            Ok(object) => converted.push(object),
            Err(error) => errors.push(error.to_string()),
        }
    }
    if errors.is_empty() {
        response.success(converted)
    } else {
        response.failure(Status::failure(&errors.join("; "), reason::INVALID))
    }
}

/// One BGPPeer in the version `desired`. What `v1beta1` has no field for is lost on the way there.
///
/// # Errors
///
/// It is no BGPPeer, or one of the two versions is none of ours.
pub fn convert_object(mut object: Value, desired: &str) -> Result<Value, ConversionError> {
    let text = |field: &str| {
        object
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.unwrap_or_default().to_owned();
    if text("kind") != "BGPPeer" {
        let kind = text("kind").to_owned();
        return Err(ConversionError::Kind { name, kind });
    }
    let from = text("apiVersion").to_owned();
    let convert_spec = match (from.as_str(), desired) {
        (V1BETA1, V1BETA1) | (V1BETA2, V1BETA2) => return Ok(object),
        (V1BETA1, V1BETA2) => to_v1beta2,
        (V1BETA2, V1BETA1) => to_v1beta1,
        _ => {
            let to = desired.to_owned();
            return Err(ConversionError::Version { name, from, to });
        }
    };
    if let Some(fields) = object.as_object_mut() {
        fields.insert("apiVersion".to_owned(), Value::from(desired));
        fields
            .get_mut("spec")
            .and_then(Value::as_object_mut)
            .map(convert_spec);
    }
    Ok(object)
}

/// An object that cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// Only BGPPeers have several versions.
    #[error("{kind:?} {name:?}: only objects of kind BGPPeer can be converted")]
    Kind {
        /// The object's name.
        name: String,
        /// Its kind.
        kind: String,
    },
    /// There is no such version.
    #[error(
        "BGPPeer {name:?}: cannot be converted from {from:?} to {to:?}, only between {V1BETA1} and {V1BETA2}"
    )]
    Version {
        /// The object's name.
        name: String,
        /// Its version.
        from: String,
        /// The version asked for.
        to: String,
    },
}

fn to_v1beta2(spec: &mut Map<String, Value>) {
    // Zero stood for the default, which the API server fills in where the field is absent.
    if spec.get("peerPort").and_then(Value::as_u64) == Some(0) {
        spec.remove("peerPort");
    }
}

fn to_v1beta1(spec: &mut Map<String, Value>) {
    // Clients of v1beta1 count on these fields: a peer that cannot be told in that version has them empty, as in MetalLB.
    for (absent, for_lack_of, empty) in [
        ("peerASN", "dynamicASN", Value::from(0)),
        ("peerAddress", "interface", Value::from("")),
    ] {
        if spec.contains_key(for_lack_of) && !spec.contains_key(absent) {
            spec.insert(absent.to_owned(), empty);
        }
    }
    spec.retain(|field, _| V1BETA1_FIELDS.contains(&field.as_str()));
}

const V1BETA1: &str = "metallb.io/v1beta1";
/// The stored version.
pub(super) const V1BETA2: &str = "metallb.io/v1beta2";

/// The fields of the spec of a BGPPeer of version `v1beta1`.
const V1BETA1_FIELDS: [&str; 12] = [
    "bfdProfile",
    "ebgpMultiHop",
    "holdTime",
    "keepaliveTime",
    "myASN",
    "nodeSelectors",
    "password",
    "peerASN",
    "peerAddress",
    "peerPort",
    "routerID",
    "sourceAddress",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kube::CustomResourceExt;
    use serde_json::json;

    use super::*;
    use crate::crd::BGPPeer;
    use crate::crd::bgp_peer::v1beta1;

    /// A peer that says as much as `v1beta1` can.
    fn old() -> Value {
        json!({
            "apiVersion": V1BETA1,
            "kind": "BGPPeer",
            "metadata": { "name": "tor", "namespace": "metallb-system", "uid": "a-b", "labels": { "rack": "1" } },
            "spec": {
                "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "sourceAddress": "198.51.100.2",
                "peerPort": 1179, "holdTime": "90s", "keepaliveTime": "30s", "routerID": "198.51.100.3",
                "nodeSelectors": [
                    { "matchLabels": { "a": "b" } },
                    { "matchExpressions": [{ "key": "c", "operator": "In", "values": ["d"] }] },
                ],
                "password": "secret", "bfdProfile": "fast", "ebgpMultiHop": true,
            },
            "status": {},
        })
    }

    fn request(desired: &str, objects: Vec<Value>) -> ConversionRequest {
        ConversionRequest {
            types: None,
            uid: "1-2-3".to_owned(),
            desired_api_version: desired.to_owned(),
            objects,
        }
    }

    #[test]
    fn nothing_of_v1beta1_is_lost_on_the_way_to_v1beta2_and_back() {
        let new = convert_object(old(), V1BETA2).unwrap();
        assert_eq!(new["apiVersion"], V1BETA2);
        assert_eq!(new["metadata"], old()["metadata"]);
        assert_eq!(convert_object(new, V1BETA1).unwrap(), old());
    }

    #[test]
    fn a_folder_reads_the_same_out_of_a_v1beta1_peer_as_a_conversion_gives() {
        let converted = convert_object(old(), V1BETA2).unwrap();
        let converted: BGPPeer = serde_json::from_value(converted).unwrap();
        let read: v1beta1::BGPPeer = serde_json::from_value(old()).unwrap();
        assert_eq!(BGPPeer::from(read), converted);
    }

    #[test]
    fn the_fields_kept_for_v1beta1_are_those_of_its_definition() {
        let definition = serde_json::to_value(v1beta1::BGPPeer::crd()).unwrap();
        let spec = definition
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties");
        let fields: BTreeSet<&str> = spec
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(fields, V1BETA1_FIELDS.into());
    }

    #[test]
    fn what_only_v1beta2_knows_is_left_out_of_v1beta1() {
        let new = json!({
            "apiVersion": V1BETA2, "kind": "BGPPeer", "metadata": { "name": "tor" },
            "spec": { "myASN": 64512, "dynamicASN": "external", "interface": "eth0", "vrf": "red", "disableMP": false },
        });
        let old = convert_object(new, V1BETA1).unwrap();
        assert_eq!(
            old["spec"],
            json!({ "myASN": 64512, "peerASN": 0, "peerAddress": "" })
        );
    }

    #[test]
    fn port_zero_of_v1beta1_becomes_the_default() {
        let mut peer = old();
        peer["spec"]["peerPort"] = json!(0);
        let new = convert_object(peer, V1BETA2).unwrap();
        assert_eq!(new["spec"].get("peerPort"), None);
    }

    #[test]
    fn parts_of_an_object_are_converted_as_far_as_they_go() {
        let part = json!({ "apiVersion": V1BETA2, "kind": "BGPPeer", "metadata": {}, "spec": { "vrf": "red" } });
        let old = convert_object(part, V1BETA1).unwrap();
        assert_eq!(old["spec"], json!({}));
        let none = json!({ "apiVersion": V1BETA1, "kind": "BGPPeer", "metadata": {} });
        assert_eq!(convert_object(none, V1BETA2).unwrap().get("spec"), None);
    }

    #[test]
    fn many_objects_are_converted_in_one_request_in_their_order() {
        let named = |name: &str| {
            let mut peer = old();
            peer["metadata"]["name"] = json!(name);
            peer
        };
        let response = convert(request(V1BETA2, vec![named("b"), named("a"), named("c")]));
        assert_eq!(response.uid, "1-2-3");
        assert!(response.result.is_success());
        let names: Vec<_> = response
            .converted_objects
            .iter()
            .map(|peer| peer["metadata"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["b", "a", "c"]);
    }

    #[test]
    fn every_object_that_cannot_be_converted_is_named() {
        let mut pool = old();
        pool["kind"] = json!("IPAddressPool");
        pool["metadata"]["name"] = json!("web");
        let mut newer = old();
        newer["apiVersion"] = json!("metallb.io/v1");
        let response = convert(request(V1BETA2, vec![pool, old(), newer]));
        assert!(response.result.is_failure());
        assert!(response.converted_objects.is_empty());
        assert_eq!(
            response.result.message,
            "\"IPAddressPool\" \"web\": only objects of kind BGPPeer can be converted; \
            BGPPeer \"tor\": cannot be converted from \"metallb.io/v1\" to \"metallb.io/v1beta2\", \
            only between metallb.io/v1beta1 and metallb.io/v1beta2"
        );
    }
}
