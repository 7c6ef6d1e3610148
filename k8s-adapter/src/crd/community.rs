//! `Community`: names for BGP communities.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EmptyStatus;

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
    pub communities: Vec<CommunityAlias>,
}

/// One alias.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct CommunityAlias {
    /// The name; no two aliases of all Community objects may have the same one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The community: `65000:100` or `large:65000:1:2`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}
