//! The objects of the cluster as their source last saw them, typed and ordered.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;

use super::error::{ConfigError, FieldLines, ObjectName, ObjectRef, Origin};
use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, ConfigurationState, IPAddressPool,
    IPReservation, L2Advertisement, ServiceBGPStatus, ServiceL2Status,
};

/// Every object that is looked at, by kind. A snapshot: nothing in it changes.
///
/// Objects are shared, so a clone costs the maps and not what they hold.
#[derive(Clone, Debug, Default)]
pub struct ClusterObjects {
    /// IPAddressPools, with their status.
    pub ip_address_pools: Objects<IPAddressPool>,
    /// IPReservations, with their status.
    pub ip_reservations: Objects<IPReservation>,
    /// BGPPeers, those of version `v1beta1` brought to `v1beta2`.
    pub bgp_peers: Objects<BGPPeer>,
    /// BGPAdvertisements.
    pub bgp_advertisements: Objects<BGPAdvertisement>,
    /// L2Advertisements.
    pub l2_advertisements: Objects<L2Advertisement>,
    /// BFDProfiles.
    pub bfd_profiles: Objects<BFDProfile>,
    /// Communities.
    pub communities: Objects<Community>,
    /// ServiceBGPStatuses of all nodes.
    pub service_bgp_statuses: Objects<ServiceBGPStatus>,
    /// ServiceL2Statuses of all nodes.
    pub service_l2_statuses: Objects<ServiceL2Status>,
    /// ConfigurationStates of all components.
    pub configuration_states: Objects<ConfigurationState>,
    /// Services, with their status.
    pub services: Objects<Service>,
    /// EndpointSlices.
    pub endpoint_slices: Objects<EndpointSlice>,
    /// Nodes.
    pub nodes: Objects<Node>,
    /// ServiceCIDRs: the ranges of ClusterIPs.
    pub service_cidrs: Objects<ServiceCIDR>,
    /// Namespaces.
    pub namespaces: Objects<Namespace>,
    /// Secrets.
    pub secrets: Objects<Secret>,
    /// ConfigMaps.
    pub config_maps: Objects<ConfigMap>,
    /// Where in their files the fields of configuration objects are, if they are from files.
    pub field_lines: BTreeMap<ObjectRef, Arc<FieldLines>>,
    /// What the source could not read. Where an object is named, the maps hold its last good version, if there is one.
    pub errors: Vec<ConfigError>,
}

/// Objects of one kind, by namespace and name.
#[derive(Clone, Debug)]
pub struct Objects<K>(BTreeMap<ObjectName, Object<K>>);

/// An object and where it was read.
#[derive(Clone, Debug)]
pub struct Object<K> {
    /// The object.
    pub value: Arc<K>,
    /// The file it was read from, if any.
    pub origin: Option<Origin>,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K> Objects<K> {
    /// Puts an object in, in place of one of the same name.
    pub fn insert(&mut self, name: ObjectName, value: impl Into<Arc<K>>, origin: Option<Origin>) {
        self.0.insert(
            name,
            Object {
                value: value.into(),
                origin,
            },
        );
    }

    /// The object of that name.
    #[must_use]
    pub fn get(&self, name: &ObjectName) -> Option<&Arc<K>> {
        self.0.get(name).map(|object| &object.value)
    }

    /// The object of that name and where it was read.
    #[must_use]
    pub fn entry(&self, name: &ObjectName) -> Option<&Object<K>> {
        self.0.get(name)
    }

    /// Takes an object out.
    pub fn remove(&mut self, name: &ObjectName) -> Option<Object<K>> {
        self.0.remove(name)
    }

    /// All objects in the order of their names.
    pub fn iter(&self) -> btree_map::Iter<'_, ObjectName, Object<K>> {
        self.0.iter()
    }

    /// All objects without their names.
    pub fn values(&self) -> impl Iterator<Item = &Arc<K>> {
        self.0.values().map(|object| &object.value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, K> IntoIterator for &'a Objects<K> {
    type Item = (&'a ObjectName, &'a Object<K>);
    type IntoIter = btree_map::Iter<'a, ObjectName, Object<K>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
