//! The CustomResourceDefinitions themselves, as `crdgen` prints them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use super::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, ConfigurationState, IPAddressPool, L2Advertisement,
    ServiceBGPStatus, ServiceL2Status,
};

/// The definitions of all kinds, by name.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        BFDProfile::crd(),
        BGPAdvertisement::crd(),
        bgp_peer(),
        Community::crd(),
        ConfigurationState::crd(),
        IPAddressPool::crd(),
        L2Advertisement::crd(),
        ServiceBGPStatus::crd(),
        ServiceL2Status::crd(),
    ]
}

/// Both versions of BGPPeer in one definition. They convert into each other by name (compat/metallb.md 12 #11).
fn bgp_peer() -> CustomResourceDefinition {
    let mut definition = super::bgp_peer::v1beta1::BGPPeer::crd();
    definition.spec.versions.extend(BGPPeer::crd().spec.versions);
    definition
}
pub fn manifest() -> Result<String, serde_saphyr::SerializeError> { serde_saphyr::to_string_multiple(&definitions()) }
