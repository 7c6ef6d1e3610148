//! EndpointSlices, brought together by Service.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use planner::endpoints::{Endpoint, Endpoints};
use planner::names::{NodeName, ServiceKey};

use super::objects::Objects;

/// The label that says which Service a slice is of.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The endpoints of each Service that has any.
pub(super) fn translate(slices: &Objects<EndpointSlice>) -> BTreeMap<ServiceKey, Endpoints> {
    let mut by_service: BTreeMap<ServiceKey, Endpoints> = BTreeMap::new();
    for (name, slice) in slices {
        let labels = slice.value.metadata.labels.as_ref();
        let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME)) else {
            continue;
        };
        let key = ServiceKey::new(&*name.namespace, service.as_str());
        by_service
            .entry(key)
            .or_default()
            .extend(endpoints(&slice.value));
    }
    by_service
}

fn endpoints(slice: &EndpointSlice) -> impl Iterator<Item = Endpoint> {
    slice
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| !endpoint.addresses.is_empty())
        .map(|endpoint| Endpoint {
            node: endpoint.node_name.as_deref().map(NodeName::from),
            ready: endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready),
            serving: endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.serving),
        })
}
