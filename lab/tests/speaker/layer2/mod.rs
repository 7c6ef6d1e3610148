//! Announcing on the link (compat/metallb.md 8.2): a module for each file of the list there, but for `assignment.go`,
//! which needs no speaker and is in `lab/tests/cluster`.

mod announcing;
mod failover;
mod interfaces;
mod metrics;
mod nodes;
mod preferred;
mod services;
mod stranger;

use serde_json::{Value, json};

/// A selector, as the configuration has it, for a node by its name.
fn node_named(name: &str) -> Value {
    json!({"matchLabels": {"kubernetes.io/hostname": name}})
}

/// A selector for what has a label, and the label itself.
fn labelled(key: &str, value: &str) -> Value {
    json!({"matchLabels": {key: value}})
}

/// The status of a Node as a merge patch, with its condition NetworkUnavailable.
fn network_unavailable(status: &str) -> Value {
    json!({"status": {"conditions": [
        {"type": "Ready", "status": "True"},
        {"type": "NetworkUnavailable", "status": status},
    ]}})
}
