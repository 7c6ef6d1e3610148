//! The AddressPool objects of MetalLB 0.13 (compat/metallb.md 1.11).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::config_map::{AddressPool, BgpAdvertisement, Protocol};

/// An AddressPool of version `v1beta1`, or of `v1alpha1`, which has the same fields.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct AddressPoolObject {
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    protocol: Protocol,
    addresses: Vec<String>,
    auto_assign: Option<bool>,
    bgp_advertisements: Option<Vec<Advertisement>>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advertisement {
    aggregation_length: Option<i32>,
    aggregation_length_v6: Option<i32>,
    local_pref: Option<u32>,
    communities: Option<Vec<String>>,
}

impl AddressPoolObject {
    /// The same as an entry of the ConfigMap.
    pub(super) fn into_entry(self) -> AddressPool {
        let advertisements = self.spec.bgp_advertisements.map(|advertisements| {
            let advertisements = advertisements.into_iter();
            advertisements.map(BgpAdvertisement::from).collect()
        });
        AddressPool {
            name: self.metadata.name.unwrap_or_default(),
            protocol: self.spec.protocol,
            addresses: Some(self.spec.addresses),
            auto_assign: self.spec.auto_assign,
            avoid_buggy_ips: None,
            bgp_advertisements: advertisements,
        }
    }
}

impl From<Advertisement> for BgpAdvertisement {
    fn from(advertisement: Advertisement) -> Self {
        Self {
            aggregation_length: advertisement.aggregation_length,
            aggregation_length_v6: advertisement.aggregation_length_v6,
            localpref: advertisement.local_pref,
            communities: advertisement.communities,
        }
    }
}
