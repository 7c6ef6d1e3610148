//! EndpointSlices, brought together by Service.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use planner::endpoints::{Endpoint, Endpoints};
use planner::names::{NodeName, ServiceKey};

use super::error::ObjectName;
use super::objects::Objects;

/// The label that says which Service a slice is of.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What the planner needs of an EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The Service that it is of.
    pub service: ServiceKey,
    /// Its endpoints that have an address.
    pub endpoints: Box<[Endpoint]>,
}

/// What the planner needs of an EndpointSlice; `None` for one of no Service.
#[must_use]
pub fn slice(slice: &EndpointSlice) -> Option<Slice> {
    let service = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
    Some(Slice {
        service: ServiceKey::new(namespace, service.as_str()),
        endpoints: endpoints(slice).collect(),
    })
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

/// Which slices each Service has: mostly one, in no order.
#[derive(Debug, Default)]
pub(super) struct SliceIndex(BTreeMap<ServiceKey, Vec<ObjectName>>);

impl SliceIndex {
    /// Brings the index up to date with slices that were as in `earlier`. The Services whose slices have changed.
    pub(super) fn update(
        &mut self,
        slices: &Objects<Slice>,
        earlier: &Objects<Slice>,
    ) -> BTreeSet<ServiceKey> {
        let mut affected = BTreeSet::new();
        for name in slices.changed_since(earlier) {
            if let Some(was) = earlier.get(name) {
                self.remove(&was.service, name);
                affected.insert(was.service.clone());
            }
            if let Some(is) = slices.get(name) {
                self.0
                    .entry(is.service.clone())
                    .or_default()
                    .push(name.clone());
                affected.insert(is.service.clone());
            }
        }
        affected
    }

    /// The endpoints of a Service; `None` where it has no slices.
    pub(super) fn endpoints(
        &self,
        service: &ServiceKey,
        slices: &Objects<Slice>,
    ) -> Option<Endpoints> {
        let of_service = self.0.get(service)?.iter();
        let of_service = of_service.filter_map(|name| slices.get(name));
        Some(
            of_service
                .flat_map(|slice| slice.endpoints.iter().cloned())
                .collect(),
        )
    }

    fn remove(&mut self, service: &ServiceKey, slice: &ObjectName) {
        if let Some(names) = self.0.get_mut(service) {
            names.retain(|name| name != slice);
            if names.is_empty() {
                self.0.remove(service);
            }
        }
    }
}
