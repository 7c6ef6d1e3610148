//! The objects of the cluster as their source last saw them, typed and ordered.

use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::{DiffItem, Iter};
use imbl::shared_ptr::DefaultSharedPtr;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::networking::v1::ServiceCIDR;
use planner::node::Node;
use planner::selector::Labels;
use planner::service::Service;

use super::endpoints::Slice;
use super::error::{ConfigError, FieldLines, ObjectName, ObjectRef, Origin};
use super::statuses::Said;
use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, BGPPolicy, Community, ConfigurationState,
    FRRConfiguration, IPAddressPool, IPReservation, L2Advertisement,
};

/// Every object that is looked at, by kind. A snapshot: nothing in it changes.
///
/// The maps are persistent: a clone costs nothing however much they hold, and two that came from one another are
/// compared in the time that their differences take.
///
/// What there may be many of is translated as it is read ([`service`](super::service), [`slice`](super::slice),
/// [`node`](super::node), [`namespace`](super::namespace), [`Said`]), and nothing else of it is kept.
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
    /// BGPPolicies.
    pub bgp_policies: Objects<BGPPolicy>,
    /// L2Advertisements.
    pub l2_advertisements: Objects<L2Advertisement>,
    /// BFDProfiles.
    pub bfd_profiles: Objects<BFDProfile>,
    /// Communities.
    pub communities: Objects<Community>,
    /// What ServiceBGPStatuses of all nodes say.
    pub service_bgp_statuses: Objects<Option<Said>>,
    /// What ServiceL2Statuses of all nodes say.
    pub service_l2_statuses: Objects<Option<Said>>,
    /// What BGPSessions of all nodes say.
    pub bgp_sessions: Objects<Option<Said>>,
    /// ConfigurationStates of all components.
    pub configuration_states: Objects<ConfigurationState>,
    /// Services, with what their status says of addresses.
    pub services: Objects<Service>,
    /// EndpointSlices that are of a Service.
    pub endpoint_slices: Objects<Slice>,
    /// Nodes.
    pub nodes: Objects<Node>,
    /// ServiceCIDRs: the ranges of ClusterIPs.
    pub service_cidrs: Objects<ServiceCIDR>,
    /// The labels of the Namespaces.
    pub namespaces: Objects<Labels>,
    /// Secrets.
    pub secrets: Objects<Secret>,
    /// ConfigMaps.
    pub config_maps: Objects<ConfigMap>,
    /// FRRConfigurations of frr-k8s, which are only reported.
    pub frr_configurations: Objects<FRRConfiguration>,
    /// Where in their files the fields of configuration objects are, if they are from files.
    pub field_lines: OrdMap<ObjectRef, Arc<FieldLines>>,
    /// What the source could not read. Where an object is named, the maps hold its last good version, if there is one.
    pub errors: Vec<ConfigError>,
}

/// Objects of one kind, by namespace and name.
#[derive(Clone, Debug)]
pub struct Objects<K>(OrdMap<ObjectName, Object<K>>);

/// An object and where it was read. `Debug` does not show the object itself: it may be a Secret.
pub struct Object<K> {
    /// The object.
    pub value: Arc<K>,
    /// The file it was read from, if any.
    pub origin: Option<Origin>,
    /// Which object at which version it is, if it was read from an API server.
    pub stamp: Option<Stamp>,
}

/// Which object of an API server at which version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `metadata.uid`: another one for an object that was deleted and made anew under its name.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: Arc<str>,
}

impl<K> Object<K> {
    /// An object that comes from nowhere in particular.
    pub fn new(value: impl Into<Arc<K>>) -> Self {
        Self {
            value: value.into(),
            origin: None,
            stamp: None,
        }
    }

    /// An object of a file.
    pub fn from_file(value: impl Into<Arc<K>>, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..Self::new(value)
        }
    }

    /// An object of an API server.
    pub fn from_api(value: impl Into<Arc<K>>, stamp: Stamp) -> Self {
        Self {
            stamp: Some(stamp),
            ..Self::new(value)
        }
    }

    /// `metadata.uid`, where there is one.
    #[must_use]
    pub fn uid(&self) -> Option<&Arc<str>> {
        self.stamp.as_ref().map(|stamp| &stamp.uid)
    }
}

impl<K> fmt::Debug for Object<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("origin", &self.origin)
            .field("stamp", &self.stamp)
            .finish_non_exhaustive()
    }
}

impl<K> Clone for Object<K> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            origin: self.origin.clone(),
            stamp: self.stamp.clone(),
        }
    }
}

/// Whether the objects themselves are equal, wherever they were read.
impl<K: PartialEq> PartialEq for Object<K> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.value, &other.value) || self.value == other.value
    }
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<K: PartialEq> Objects<K> {
    /// Puts an object in, in place of one of the same name. Where that one was equal its value stays, and with it the
    /// address in memory.
    pub fn insert(&mut self, name: ObjectName, mut object: Object<K>) {
        if let Some(present) = self.0.get(&name).filter(|present| **present == object) {
            object.value = Arc::clone(&present.value);
        }
        self.0.insert(name, object);
    }

    /// The names of the objects that are not as they were `earlier`: those that have come, gone, or are not equal.
    /// Takes time by how much the two differ, where one came from the other.
    pub fn changed_since<'a>(
        &'a self,
        earlier: &'a Self,
    ) -> impl Iterator<Item = &'a ObjectName> + use<'a, K> {
        earlier.0.diff(&self.0).map(|item| match item {
            DiffItem::Add(name, _) | DiffItem::Remove(name, _) => name,
            DiffItem::Update { new: (name, _), .. } => name,
        })
    }
}

impl<K> Objects<K> {
    /// Whether both are one and the same, so that nothing in them can differ. Takes no time.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
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
    #[must_use]
    pub fn iter(&self) -> Iter<'_, ObjectName, Object<K>, DefaultSharedPtr> {
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
    type IntoIter = Iter<'a, ObjectName, Object<K>, DefaultSharedPtr>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName::new("shop", name)
    }

    fn at_version(value: u8, version: &str) -> Object<u8> {
        let stamp = Stamp {
            uid: "a-b-c".into(),
            resource_version: version.into(),
        };
        Object::from_api(value, stamp)
    }

    #[test]
    fn an_equal_object_keeps_its_value_and_takes_the_new_stamp() {
        let mut objects = Objects::default();
        objects.insert(name("web"), at_version(7, "1"));
        let before = Arc::clone(objects.get(&name("web")).unwrap());
        objects.insert(name("web"), at_version(7, "2"));
        let entry = objects.entry(&name("web")).unwrap();
        assert!(Arc::ptr_eq(&entry.value, &before));
        assert_eq!(&*entry.stamp.as_ref().unwrap().resource_version, "2");
    }

    #[test]
    fn what_came_went_or_differs_has_changed_and_a_new_stamp_is_no_change() {
        let mut earlier = Objects::default();
        for (key, value) in [("edited", 1), ("gone", 2), ("stamped", 3), ("untouched", 4)] {
            earlier.insert(name(key), at_version(value, "1"));
        }
        let mut now = earlier.clone();
        assert!(now.ptr_eq(&earlier));
        now.insert(name("edited"), at_version(9, "2"));
        now.insert(name("stamped"), at_version(3, "2"));
        now.insert(name("new"), at_version(5, "1"));
        now.remove(&name("gone"));
        let changed: Vec<&ObjectName> = now.changed_since(&earlier).collect();
        assert_eq!(changed, [&name("edited"), &name("gone"), &name("new")]);
    }
}
