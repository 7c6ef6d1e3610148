//! `FRRConfiguration` of frr-k8s: another project's kind, of which only what tells whose it is is read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// What is read of the desired state of an FRRConfiguration.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "frrk8s.metallb.io",
    version = "v1beta1",
    kind = "FRRConfiguration",
    plural = "frrconfigurations",
    namespaced,
    schema = "disabled",
    derive = "PartialEq",
    derive = "Default"
)]
#[serde(rename_all = "camelCase")]
pub struct FRRConfigurationSpec {
    /// The nodes that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,
    /// Text for FRR's own configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawConfiguration>,
}

/// Text for FRR's own configuration file.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RawConfiguration {
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub raw_config: String,
}
