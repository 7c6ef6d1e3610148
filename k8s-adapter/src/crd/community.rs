//! `Community`: names for BGP communities.
#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats the type within a function"
)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmptyStatus, rules};

/// The desired state of a Community.
#[derive(
    CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq,
)]
#[kube(
    group = "metallb.io",
    version = "v1beta1",
    kind = "Community",
    plural = "communities",
    namespaced,
    status = "EmptyStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Aliases for BGP communities, for use in BGPAdvertisements."
)]
pub struct CommunitySpec {
    /// The aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = rules::MAX_ITEMS))]
    pub communities: Vec<CommunityAlias>,
}

/// One alias.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[x_kube(validation = rules::has_value())]
pub struct CommunityAlias {
    /// The name; no two aliases of all Community objects may have the same one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The community: `65000:100` or `large:65000:1:2`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = rules::MAX_LENGTH))]
    #[x_kube(validation = rules::community())]
    pub value: String,
}
