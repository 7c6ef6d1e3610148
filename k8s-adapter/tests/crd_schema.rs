//! The definitions field by field against those of MetalLB (compat/metallb.md 1), as `crd_schema/metallb.txt` has them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use k8s_adapter::crd;
use serde_json::Value;

/// One definition, version or field a line. What follows ` + ` is ours alone, what follows ` - ` is MetalLB's alone.
const TABLE: &str = include_str!("crd_schema/metallb.txt");

/// What our definitions are to be by the table.
fn expected() -> Vec<String> {
    let lines = TABLE.lines().filter(|line| !line.is_empty());
    let ours = lines.map(|line| line.split_once(" - ").map_or(line, |(ours, _)| ours));
    ours.map(|line| line.replace(" + ", " ")).collect()
}

/// Our definitions of MetalLB's kinds, in the form of the table.
fn found() -> Vec<String> {
    let mut lines = Vec::new();
    for definition in crd::definitions().unwrap() {
        let spec = &definition["spec"];
        if spec["group"] != crd::GROUP {
            continue;
        }
        let names = &spec["names"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        lines.push(format!(
            "kind {} list {} plural {} singular {} group {} scope {}",
            text(&names["kind"]),
            text(&names["listKind"]),
            text(&names["plural"]),
            text(&names["singular"]),
            text(&spec["group"]),
            text(&spec["scope"]),
        ));
        for version in spec["versions"].as_array().unwrap() {
            describe_version(version, &mut lines);
        }
    }
    lines
}

fn describe_version(version: &Value, lines: &mut Vec<String>) {
    let mut line = format!("version {}", version["name"].as_str().unwrap());
    for flag in ["served", "storage", "deprecated"] {
        if version[flag] == true {
            line += &format!(" {flag}");
        }
    }
    for subresource in version["subresources"].as_object().unwrap().keys() {
        line += &format!(" subresource={subresource}");
    }
    if let Some(warning) = version["deprecationWarning"].as_str() {
        line += &format!(" warning={warning:?}");
    }
    lines.push(line);
    let columns = version["additionalPrinterColumns"].as_array();
    for column in columns.into_iter().flatten() {
        let text = |field: &str| column[field].as_str().unwrap();
        let priority = column["priority"]
            .as_u64()
            .map(|n| format!(" priority={n}"));
        lines.push(format!(
            "column {:?} {} {}{}",
            text("name"),
            text("type"),
            text("jsonPath"),
            priority.unwrap_or_default(),
        ));
    }
    let mut fields = BTreeSet::new();
    describe_field(
        ".",
        &version["schema"]["openAPIV3Schema"],
        false,
        &mut fields,
    );
    lines.extend(fields);
}

/// The bounds of a schema, in the order of a line of the table.
const BOUNDS: [&str; 9] = [
    "default",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
    "x-kubernetes-list-map-keys",
];

fn describe_field(path: &str, schema: &Value, is_required: bool, lines: &mut BTreeSet<String>) {
    let is_selector = is_label_selector(schema);
    let mut line = format!("{path} {}", schema["type"].as_str().unwrap());
    if is_selector {
        line = format!("{path} selector");
    }
    if is_required {
        line += " required";
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().map(|value| value.as_str().unwrap()).collect();
        line += &format!(" enum={}", values.join("|"));
    }
    for bound in BOUNDS {
        if let Some(value) = schema.get(bound) {
            line += &format!(" {bound}={value}");
        }
    }
    if let Some(rules) = schema["x-kubernetes-validations"].as_array() {
        line += &format!(" rules={}", rules.len());
    }
    lines.insert(line);
    if is_selector {
        return;
    }
    let required = schema["required"].as_array();
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
        let path = format!("{}.{name}", path.trim_end_matches('.'));
        describe_field(&path, property, is_required, lines);
    }
    for (mark, of) in [("[]", "items"), ("{}", "additionalProperties")] {
        if let Some(item) = schema.get(of) {
            describe_field(&format!("{path}{mark}"), item, false, lines);
        }
    }
}

/// Whether a schema is that of Kubernetes' own LabelSelector, which a line of the table calls `selector`.
fn is_label_selector(schema: &Value) -> bool {
    let expression = &schema["properties"]["matchExpressions"]["items"];
    schema["properties"]["matchLabels"]["additionalProperties"]["type"] == "string"
        && expression["required"] == serde_json::json!(["key", "operator"])
        && expression["properties"]["values"]["items"]["type"] == "string"
}

#[test]
fn every_field_column_and_version_is_metallbs_or_marked_as_ours() {
    let (found, expected) = (found(), expected());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
