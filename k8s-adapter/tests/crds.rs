//! The definitions of all kinds, and the file that they are delivered in.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_adapter::crd;
use serde_json::{Value, json};

#[test]
fn the_delivered_manifest_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests/crds.yaml");
    let delivered = fs::read_to_string(file).unwrap();
    let is_current = delivered == crd::manifest().unwrap();
    assert!(
        is_current,
        "run: cargo run -p k8s-adapter --bin crdgen > deploy/manifests/crds.yaml"
    );
}

/// Kind and versions of a definition, each with whether it is the one that is stored.
type Names = (String, Vec<(String, bool)>);

fn names(definition: &Value) -> Names {
    let versions = definition["spec"]["versions"].as_array().unwrap().iter();
    let versions = versions.map(|v| {
        let name = v["name"].as_str().unwrap().to_owned();
        (name, v["storage"].as_bool().unwrap())
    });
    let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
    (kind.to_owned(), versions.collect())
}

#[test]
fn all_nine_kinds_have_the_names_and_versions_of_metallb_and_three_are_ours() {
    let definitions = crd::definitions().unwrap();
    let name = |definition: &Value| definition["metadata"]["name"].as_str().unwrap().to_owned();
    let found: BTreeMap<String, Names> = definitions.iter().map(|d| (name(d), names(d))).collect();
    let one: &[_] = &[("v1beta1", true)];
    let expected = [
        ("bfdprofiles.metallb.io", ("BFDProfile", one)),
        ("bgpadvertisements.metallb.io", ("BGPAdvertisement", one)),
        (
            "bgppeers.metallb.io",
            ("BGPPeer", &[("v1beta1", false), ("v1beta2", true)][..]),
        ),
        (
            "bgppolicies.ferrolb.io",
            ("BGPPolicy", &[("v1alpha1", true)]),
        ),
        (
            "bgpsessions.ferrolb.io",
            ("BGPSession", &[("v1alpha1", true)]),
        ),
        ("communities.metallb.io", ("Community", one)),
        (
            "configurationstates.metallb.io",
            ("ConfigurationState", one),
        ),
        ("ipaddresspools.metallb.io", ("IPAddressPool", one)),
        (
            "ipreservations.ferrolb.io",
            ("IPReservation", &[("v1alpha1", true)]),
        ),
        ("l2advertisements.metallb.io", ("L2Advertisement", one)),
        ("servicebgpstatuses.metallb.io", ("ServiceBGPStatus", one)),
        ("servicel2statuses.metallb.io", ("ServiceL2Status", one)),
    ];
    let expected = expected.map(|(name, (kind, versions))| {
        let versions = versions
            .iter()
            .map(|(name, is_stored)| ((*name).to_owned(), *is_stored));
        (name.to_owned(), (kind.to_owned(), versions.collect()))
    });
    let expected: BTreeMap<String, Names> = expected.into();
    assert_eq!(found, expected);
    for definition in &definitions {
        assert_eq!(definition["spec"]["scope"], "Namespaced");
        for version in definition["spec"]["versions"].as_array().unwrap() {
            assert_eq!(version["served"], true);
            assert_eq!(version["subresources"], json!({ "status": {} }));
        }
    }
}

fn field(crd_name: &str, version: &str, path: &str) -> Value {
    let definitions = crd::definitions().unwrap();
    let definition = definitions
        .iter()
        .find(|definition| definition["metadata"]["name"] == crd_name)
        .unwrap();
    let versions = definition["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|v| v["name"] == version).unwrap();
    version["schema"]["openAPIV3Schema"]
        .pointer(path)
        .cloned()
        .unwrap_or(Value::Null)
}

/// Defaults, bounds, enumerations and required fields of compat/metallb.md 1 that users rely on.
#[test]
fn defaults_bounds_and_required_fields_are_those_of_metallb() {
    let peer = |path: &str| field("bgppeers.metallb.io", "v1beta2", path);
    assert_eq!(peer("/properties/spec/required"), json!(["myASN"]));
    assert_eq!(peer("/properties/spec/properties/peerPort/default"), 179);
    assert_eq!(peer("/properties/spec/properties/peerPort/maximum"), 16384);
    assert_eq!(peer("/properties/spec/properties/localASN/minimum"), 1);
    assert_eq!(
        peer("/properties/spec/properties/dynamicASN/enum"),
        json!(["internal", "external"])
    );
    assert_eq!(
        peer("/properties/spec/properties/enableGracefulRestart/x-kubernetes-validations/0/rule"),
        "self == oldSelf"
    );
    let old_peer = |path: &str| field("bgppeers.metallb.io", "v1beta1", path);
    assert_eq!(
        old_peer("/properties/spec/required"),
        json!(["myASN", "peerASN", "peerAddress"])
    );

    let pool = |path: &str| field("ipaddresspools.metallb.io", "v1beta1", path);
    assert_eq!(pool("/required"), json!(["spec"]));
    assert_eq!(pool("/properties/spec/required"), json!(["addresses"]));
    assert_eq!(pool("/properties/spec/properties/autoAssign/default"), true);
    assert_eq!(
        pool("/properties/spec/properties/addresses/default"),
        Value::Null
    );

    let advertisement = |path: &str| field("bgpadvertisements.metallb.io", "v1beta1", path);
    assert_eq!(
        advertisement("/required"),
        Value::Null,
        "an advertisement of everything needs no spec"
    );
    assert_eq!(
        advertisement("/properties/spec/properties/aggregationLength/default"),
        32
    );
    assert_eq!(
        advertisement("/properties/spec/properties/aggregationLengthV6/default"),
        128
    );
}

#[test]
fn no_schema_has_what_kubernetes_does_not_know() {
    let text = crd::manifest().unwrap();
    for word in ["nullable:", "title:", "uint", "anyOf", "$ref", ".0\n"] {
        assert!(!text.contains(word), "{word:?}");
    }
}
