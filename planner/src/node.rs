//! What the decisions need of a Node.

use std::net::IpAddr;

use ipam::IpRange;

use crate::selector::Labels;

/// Label whose presence keeps a node from announcing, whatever its value.
pub const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Annotation that asks a node to let go of all that it announces, whatever its value, save `false`.
pub const DRAIN: &str = "ferrolb.io/drain";

/// What the decisions need of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Labels, for the selectors of peers and advertisements.
    pub labels: Labels,
    /// Condition `NetworkUnavailable`.
    pub network: Network,
    /// Whether it is asked to let go of all that it announces: see [`DRAIN`].
    pub is_draining: bool,
    /// `status.addresses` of the types InternalIP and ExternalIP: nobody else can have them.
    pub addresses: Vec<IpAddr>,
    /// `spec.podCIDRs`.
    pub pod_ranges: Vec<IpRange>,
}

impl Node {
    /// Whether the node carries [`EXCLUDE_LABEL`].
    #[must_use]
    pub fn is_labeled_exclude(&self) -> bool {
        self.labels.contains_key(EXCLUDE_LABEL)
    }
}

/// Condition `NetworkUnavailable` of a Node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// False, unknown or not set.
    #[default]
    Available,
    /// True.
    Unavailable,
}
