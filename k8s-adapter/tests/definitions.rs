//! The translation judges as the definitions do, save where `definitions/cases.yaml` says why not. What the definitions
//! say is asked of an API server elsewhere (`lab/tests/cluster/definitions.rs`).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;

use k8s_adapter::flags::DEFAULT_NAMESPACE;
use k8s_adapter::source::dir;
use k8s_adapter::translate::{ConfigError, Reason, TranslateOptions, snapshot};
use planner::snapshot::Options;
use serde_json::{Value, json};

/// Cases by kind and by who refuses them.
type Cases = BTreeMap<String, BTreeMap<String, Vec<Value>>>;

fn cases() -> Cases {
    serde_saphyr::from_str(include_str!("definitions/cases.yaml")).unwrap()
}

/// The object of a case, as a manifest.
fn object(kind: &str, spec: &Value) -> Value {
    let (kind, version) = match kind.split_once(' ') {
        Some((kind, version)) => (kind, format!("metallb.io/{version}")),
        None if kind == "BGPPeer" => (kind, "metallb.io/v1beta2".to_owned()),
        None if kind == "BGPPolicy" => (kind, "ferrolb.io/v1alpha1".to_owned()),
        None => (kind, "metallb.io/v1beta1".to_owned()),
    };
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {"name": "case", "namespace": DEFAULT_NAMESPACE},
    });
    let mut full = json!({});
    if kind == "BGPPeer" {
        full = json!({"myASN": 64500, "peerASN": 64510, "peerAddress": "198.51.100.1"});
    }
    if let Some(spec) = spec.as_object() {
        let fields = full.as_object_mut().unwrap();
        fields.extend(spec.clone());
        fields.retain(|_, value| !value.is_null());
        object["spec"] = full;
    }
    object
}

/// What is wrong with the object for good: neither what may come yet nor what is not supported yet.
fn faults(object: &Value) -> Vec<ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("case.json"), object.to_string()).unwrap();
    let options = TranslateOptions {
        namespace: DEFAULT_NAMESPACE.into(),
        planner: Options::default(),
    };
    let (_, mut errors) = snapshot(&dir::read(folder.path()).unwrap(), &options);
    errors.retain(|error| {
        let is_for_later = matches!(error.reason, Reason::NotSupportedYet { .. });
        error.is_fault() && !error.is_transient() && !is_for_later
    });
    errors
}

#[test]
fn the_translation_judges_as_the_definitions_do() {
    // No BFDProfile is in force yet, whatever it says.
    let judged = cases().into_iter().filter(|(kind, _)| kind != "BFDProfile");
    let mut otherwise = Vec::new();
    for (kind, judgements) in judged {
        for (judgement, cases) in judgements {
            for case in cases {
                let spec = if judgement == "accepted" {
                    &case
                } else {
                    &case[0]
                };
                let faults = faults(&object(&kind, spec));
                let is_accepted = ["accepted", "refused by definition"].contains(&&*judgement);
                let is_field_named = judgement != "left to translation"
                    || faults.iter().any(|fault| case[1] == fault.field);
                if faults.is_empty() != is_accepted || !is_field_named {
                    otherwise.push(format!("{kind}: {judgement}: {case}: {faults:?}"));
                }
            }
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}
