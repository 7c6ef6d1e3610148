//! Nodes, the Namespaces' labels, and the ranges of ClusterIPs.

use std::net::IpAddr;

use ipam::IpRange;
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use planner::node::{DRAIN, Network};
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
        is_draining: is_draining(node),
        addresses: addresses(node),
        pod_ranges: pod_ranges(node),
    }
}

/// Whatever the value, save `false`: to annotate with a reason is to ask as well.
fn is_draining(node: &Node) -> bool {
    let annotations = node.metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(DRAIN))
        .is_some_and(|value| value != "false")
}

/// Its addresses on the network. Those that do not parse are of no use to anybody.
fn addresses(node: &Node) -> Vec<IpAddr> {
    let addresses = node.status.iter();
    let addresses = addresses.flat_map(|status| status.addresses.iter().flatten());
    addresses
        .filter(|address| matches!(address.type_.as_str(), "InternalIP" | "ExternalIP"))
        .filter_map(|address| address.address.parse().ok())
        .collect()
}

/// `podCIDRs`, else `podCIDR` alone.
fn pod_ranges(node: &Node) -> Vec<IpRange> {
    let Some(spec) = &node.spec else {
        return Vec::new();
    };
    let several = spec.pod_cidrs.as_deref().unwrap_or_default();
    let one = spec.pod_cidr.as_slice();
    let ranges = if several.is_empty() { one } else { several };
    ranges.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The ranges of a ServiceCIDR.
pub(super) fn service_ranges(object: &ServiceCIDR) -> Vec<IpRange> {
    let ranges = object
        .spec
        .iter()
        .flat_map(|spec| spec.cidrs.iter().flatten());
    ranges.filter_map(|text| text.parse().ok()).collect()
}

/// What the planner needs of a Namespace: its labels.
#[must_use]
pub fn namespace(namespace: &Namespace) -> Labels {
    namespace.metadata.labels.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(value: &str) -> Node {
        let mut node = Node::default();
        let annotations = node.metadata.annotations.get_or_insert_default();
        annotations.insert(DRAIN.to_owned(), value.to_owned());
        node
    }

    #[test]
    fn any_value_of_the_annotation_asks_a_node_to_drain_save_false() {
        for value in ["true", "", "disk replacement"] {
            assert!(node(&annotated(value)).is_draining, "{value:?}");
        }
        assert!(!node(&annotated("false")).is_draining);
        assert!(!node(&Node::default()).is_draining);
    }
}
