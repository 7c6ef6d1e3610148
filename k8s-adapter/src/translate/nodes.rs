//! Nodes.

use k8s_openapi::api::core::v1::Node;
use planner::node::Network;

/// What the planner needs of a Node.
pub(super) fn translate(node: &Node) -> planner::node::Node {
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
