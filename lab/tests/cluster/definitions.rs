//! The definitions on a real API server: which specs it accepts, what it says of the others, and the columns that
//! `kubectl` shows. The cases are shared with the translation, which judges alike (`k8s-adapter/tests/definitions.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::{Api, ApiResource, DynamicObject, ListParams, PostParams, Request};
use kube::core::GroupVersionKind;
use lab::cluster::ControlPlane;
use serde_json::{Value, json};

use crate::harness::{requirements_are_met, shared};
use crate::object::{apply, create_namespace};

const CASES: &str = include_str!("../../../k8s-adapter/tests/definitions/cases.yaml");

/// What is asked of the server for columns, as by `kubectl`.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// One object to be judged.
struct Case {
    object: DynamicObject,
    /// The field and a part of what the server says, if it is to refuse the object.
    refusal: Option<(String, String)>,
}

/// The kind of a heading of the cases, such as `BGPPeer v1beta1`, with its group and version.
fn kind_and_version(heading: &str) -> (&str, String) {
    match heading.split_once(' ') {
        Some((kind, version)) => (kind, format!("metallb.io/{version}")),
        None if heading == "BGPPeer" => (heading, "metallb.io/v1beta2".to_owned()),
        None if heading == "BGPPolicy" => (heading, "ferrolb.io/v1alpha1".to_owned()),
        None => (heading, "metallb.io/v1beta1".to_owned()),
    }
}

/// An object of a kind with the spec of a case, or without any.
fn object(heading: &str, spec: &Value) -> DynamicObject {
    let (kind, version) = kind_and_version(heading);
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {"generateName": "case-"},
    });
    if let Some(spec) = spec.as_object() {
        let mut full = match kind {
            "BGPPeer" => json!({"myASN": 64500, "peerASN": 64510, "peerAddress": "198.51.100.1"}),
            _ => json!({}),
        };
        let fields = full.as_object_mut().unwrap();
        fields.extend(spec.clone());
        fields.retain(|_, value| !value.is_null());
        object["spec"] = full;
    }
    serde_json::from_value(object).unwrap()
}

fn cases() -> Vec<Case> {
    let all: BTreeMap<String, BTreeMap<String, Vec<Value>>> =
        serde_saphyr::from_str(CASES).unwrap();
    let mut cases = Vec::new();
    for (heading, judgements) in &all {
        for (judgement, of_them) in judgements {
            cases.extend(of_them.iter().map(|case| {
                let text = |index: usize| case[index].as_str().unwrap().to_owned();
                let (spec, refusal) = match judgement.as_str() {
                    "accepted" => (case, None),
                    "left to translation" => (&case[0], None),
                    _ => (&case[0], Some((text(1), text(2)))),
                };
                let object = object(heading, spec);
                Case { object, refusal }
            }));
        }
    }
    cases
}

/// What the server says of an object, without storing it.
fn judge(plane: &Arc<ControlPlane>, namespace: &str, object: &DynamicObject) -> Result<(), String> {
    let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
    let api: Api<DynamicObject> =
        Api::namespaced_with(plane.client(), namespace, &ApiResource::from_gvk(&kind));
    let object = object.clone();
    let parameters = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match plane.block_on(async move { api.create(&parameters, &object).await }) {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_server_accepts_what_is_right_and_names_the_field_of_what_is_not() {
    if !requirements_are_met() {
        return;
    }
    let plane = shared();
    create_namespace(&plane, "definitions", json!({}));
    for Case { object, refusal } in cases() {
        let said = judge(&plane, "definitions", &object);
        let spec = &object.data;
        match (&said, &refusal) {
            (Ok(()), None) => {}
            (Err(said), Some((field, words))) => {
                let is_told = said.contains(&format!("{field}: ")) || field == "spec";
                assert!(is_told && said.contains(words), "{spec}: {said}");
            }
            (said, refusal) => panic!("{spec}: {said:?} instead of {refusal:?}"),
        }
    }
}

#[test]
fn a_pool_of_4096_ranges_is_not_too_much_for_the_server() {
    if !requirements_are_met() {
        return;
    }
    let plane = shared();
    create_namespace(&plane, "many-ranges", json!({}));
    let ranges = |count: usize| {
        let ranges = (0..count).map(|n| {
            let (high, low) = (n / 256, n % 256);
            format!("10.{high}.{low}.0-10.{high}.{low}.9")
        });
        json!({"addresses": ranges.collect::<Vec<_>>()})
    };
    let most = object("IPAddressPool", &ranges(4096));
    assert_eq!(judge(&plane, "many-ranges", &most), Ok(()));
    let more = judge(
        &plane,
        "many-ranges",
        &object("IPAddressPool", &ranges(4097)),
    );
    assert!(more.unwrap_err().contains("must have at most 4096 items"));
}

/// The columns that the server shows of a kind, those of `-o wide` in parentheses, and the cells of its objects.
fn table(plane: &Arc<ControlPlane>, namespace: &str, resource: &str) -> (Vec<String>, Vec<Value>) {
    let path = format!("/apis/metallb.io/v1beta1/namespaces/{namespace}/{resource}");
    let path = match resource {
        "bgppeers" => path.replace("v1beta1", "v1beta2"),
        _ => path,
    };
    let request = Request::new(path).list(&ListParams::default());
    let mut request = request.unwrap();
    request
        .headers_mut()
        .insert("accept", TABLE.parse().unwrap());
    let client = plane.client();
    let table: Value = plane
        .block_on(async move { client.request(request).await })
        .unwrap();
    let columns = table["columnDefinitions"].as_array().unwrap().iter();
    let columns = columns.map(|column| {
        let name = column["name"].as_str().unwrap();
        match column["priority"].as_i64() {
            Some(priority) if priority > 0 => format!("({name})"),
            _ => name.to_owned(),
        }
    });
    let rows = table["rows"].as_array().unwrap().iter();
    (
        columns.collect(),
        rows.map(|row| row["cells"].clone()).collect(),
    )
}

/// The columns of every kind, as MetalLB has them (compat/metallb.md 1).
const COLUMNS: [(&str, &[&str]); 9] = [
    (
        "ipaddresspools",
        &["Name", "Auto Assign", "Avoid Buggy IPs", "Addresses"],
    ),
    (
        "bgppeers",
        &["Name", "Address", "ASN", "BFD Profile", "Multi Hops"],
    ),
    (
        "bgpadvertisements",
        &[
            "Name",
            "IPAddressPools",
            "IPAddressPool Selectors",
            "Peers",
            "(Node Selectors)",
        ],
    ),
    (
        "l2advertisements",
        &[
            "Name",
            "IPAddressPools",
            "IPAddressPool Selectors",
            "Interfaces",
            "(Node Selectors)",
        ],
    ),
    (
        "bfdprofiles",
        &[
            "Name",
            "Passive Mode",
            "Transmit Interval",
            "Receive Interval",
            "Multiplier",
        ],
    ),
    ("communities", &["Name", "Age"]),
    (
        "servicel2statuses",
        &[
            "Name",
            "Allocated Node",
            "Service Name",
            "Service Namespace",
        ],
    ),
    (
        "servicebgpstatuses",
        &["Name", "Node", "Service Name", "Service Namespace"],
    ),
    (
        "configurationstates",
        &["Name", "Result", "ErrorSummary", "Age"],
    ),
];

#[test]
fn kubectl_shows_the_columns_of_metallb() {
    if !requirements_are_met() {
        return;
    }
    let plane = shared();
    create_namespace(&plane, "columns", json!({}));
    let peer = json!({"myASN": 64500, "peerASN": 64510, "peerAddress": "198.51.100.1", "bfdProfile": "fast", "ebgpMultiHop": true});
    let objects = [
        json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": "web"}, "spec": {"addresses": ["203.0.113.0/28"]},
        }),
        json!({
            "apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer",
            "metadata": {"name": "router"}, "spec": peer,
        }),
    ];
    apply(&plane, "columns", &objects);
    for (resource, columns) in COLUMNS {
        assert_eq!(table(&plane, "columns", resource).0, columns, "{resource}");
    }
    assert_eq!(
        table(&plane, "columns", "ipaddresspools").1,
        [json!(["web", true, false, "[\"203.0.113.0/28\"]"])]
    );
    assert_eq!(
        table(&plane, "columns", "bgppeers").1,
        [json!(["router", "198.51.100.1", "64510", "fast", "true"])]
    );
}
