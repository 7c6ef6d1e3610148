//! Nodes, and the Namespaces' labels.

use k8s_openapi::api::core::v1::{Namespace, Node};
use planner::node::Network;
use planner::selector::Labels;

/// What the planner needs of a Node.
#[must_use]
pub fn node(node: &Node) -> planner::node::Node {
    let mut conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let is_unavailable = conditions
        .any(|condition| condition.type_ == "NetworkUnavailable" && condition.status == "True");
    planner::node::Node {
        labels: node.metadata.labels.clone().unwrap_or_default(),
        network: if is_unavailable {
            Network::Unavailable
        } else {
            Network::Available
        },
    }
}

/// What the planner needs of a Namespace: its labels.
#[must_use]
pub fn namespace(namespace: &Namespace) -> Labels {
    namespace.metadata.labels.clone().unwrap_or_default()
}
