//! `BGPPolicy`: what becomes of the routes of some Services on their way from some nodes to some peers. FerroLB's own.
#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats the type within a function"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{EmptyStatus, rules};

/// The desired state of a BGPPolicy: which routes, and what to change of them.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "ferrolb.io",
    version = "v1alpha1",
    kind = "BGPPolicy",
    plural = "bgppolicies",
    namespaced,
    status = "EmptyStatus",
    derive = "PartialEq",
    doc = "Changes the routes of the selected Services on their way from the selected nodes to the selected peers. It \
        announces nothing by itself: that is what BGPAdvertisements are for.",
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority"),
    printcolumn(name = "Peers", type_ = "string", json_path = ".spec.peers"),
    printcolumn(name = "Advertise", type_ = "boolean", json_path = ".spec.advertise"),
    printcolumn(name = "Prepend", type_ = "integer", json_path = ".spec.asPathPrepend"),
    printcolumn(name = "MED", type_ = "integer", json_path = ".spec.med"),
    printcolumn(name = "Local Pref", type_ = "integer", json_path = ".spec.localPref"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::changes_something())]
pub struct BGPPolicySpec {
    /// Of several policies for one route that with the higher priority has the last word, of equal ones that whose name
    /// is last; field by field, and communities add up.
    #[serde(default)]
    pub priority: i32,
    /// Services whose routes are changed: those matched by any of the selectors; all when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_selectors: Vec<LabelSelector>,
    /// Nodes whose routes are changed: those matched by any of the selectors; all when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_selectors: Vec<LabelSelector>,
    /// Names of the BGPPeers that see the change; all when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub peers: Vec<String>,
    /// Whether the routes go to these peers at all; absent: as other policies say, else they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertise: Option<bool>,
    /// How many times more than usual our own AS number is in AS_PATH. Internal peers never see it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 32))]
    pub as_path_prepend: Option<u8>,
    /// MULTI_EXIT_DISC: of several ways into one AS the lower one is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub med: Option<u32>,
    /// LOCAL_PREF, which internal peers alone are told; instead of that of the BGPAdvertisement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub local_pref: Option<u32>,
    /// Communities beside or instead of those of the BGPAdvertisements and of policies before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub communities: Option<PolicyCommunities>,
    /// Where the routers shall send the packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<PolicyNextHop>,
}

/// Communities that a policy gives to a route: `65000:100`, `large:65000:1:2`, or an alias of a Community object.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::add_or_replace())]
pub struct PolicyCommunities {
    /// These beside those that the route has. Either this or `replace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::added_communities")]
    pub add: Option<Vec<String>>,
    /// These instead of those that the route has, standard and large ones alike; an empty list takes all away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "rules::replacing_communities")]
    pub replace: Option<Vec<String>>,
}

/// The next hop of each family's routes: `self`, which is the node's own address on the link of the session, or an
/// address.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::some_next_hop())]
pub struct PolicyNextHop {
    /// Of IPv4 routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15))]
    #[x_kube(validation = rules::next_hop_ipv4())]
    pub ipv4: Option<String>,
    /// Of IPv6 routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 45))]
    #[x_kube(validation = rules::next_hop_ipv6())]
    pub ipv6: Option<String>,
}
