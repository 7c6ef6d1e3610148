//! One object of any of the kinds that are read, and how its kind is told from a document.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use planner::node::Node;
use planner::selector::Labels;
use planner::service::Service;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::defaults::{fill_namespace, fill_service};
use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, BGPPolicy, BGPSession, Community, ConfigurationState,
    FRRConfiguration, GROUP, IPAddressPool, IPReservation, L2Advertisement, OWN_GROUP,
    ServiceBGPStatus, ServiceL2Status, bgp_peer,
};
use crate::translate::{
    self, ClusterObjects, Kind, Object, ObjectName, Objects, Origin, Reason, Said, Slice,
    Status as _,
};

/// An object of any of the kinds that are read, as [`ClusterObjects`] holds it.
#[derive(Clone)]
pub(crate) enum AnyObject {
    BFDProfile(Arc<BFDProfile>),
    BGPAdvertisement(Arc<BGPAdvertisement>),
    BGPPeer(Arc<BGPPeer>),
    BGPPolicy(Arc<BGPPolicy>),
    Community(Arc<Community>),
    ConfigurationState(Arc<ConfigurationState>),
    IPAddressPool(Arc<IPAddressPool>),
    IPReservation(Arc<IPReservation>),
    L2Advertisement(Arc<L2Advertisement>),
    BGPSession(Arc<Option<Said>>),
    ServiceBGPStatus(Arc<Option<Said>>),
    ServiceL2Status(Arc<Option<Said>>),
    ConfigMap(Arc<ConfigMap>),
    EndpointSlice(Option<Arc<Slice>>),
    FRRConfiguration(Arc<FRRConfiguration>),
    Namespace(Arc<Labels>),
    Node(Arc<Node>),
    Secret(Arc<Secret>),
    Service(Arc<Service>),
    ServiceCIDR(Arc<ServiceCIDR>),
}

/// Shows nothing of it: it may be a Secret.
impl fmt::Debug for AnyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyObject").finish_non_exhaustive()
    }
}

impl AnyObject {
    /// Puts the object where it belongs.
    pub(crate) fn insert_into(
        &self,
        objects: &mut ClusterObjects,
        name: ObjectName,
        origin: Origin,
    ) {
        fn put<K: PartialEq>(
            value: &Arc<K>,
            into: &mut Objects<K>,
            name: ObjectName,
            origin: Origin,
        ) {
            into.insert(name, Object::from_file(Arc::clone(value), origin));
        }
        match self {
            Self::BFDProfile(object) => put(object, &mut objects.bfd_profiles, name, origin),
            Self::BGPAdvertisement(object) => {
                put(object, &mut objects.bgp_advertisements, name, origin);
            }
            Self::BGPPeer(object) => put(object, &mut objects.bgp_peers, name, origin),
            Self::BGPPolicy(object) => put(object, &mut objects.bgp_policies, name, origin),
            Self::Community(object) => put(object, &mut objects.communities, name, origin),
            Self::ConfigurationState(object) => {
                put(object, &mut objects.configuration_states, name, origin);
            }
            Self::IPAddressPool(object) => put(object, &mut objects.ip_address_pools, name, origin),
            Self::IPReservation(object) => put(object, &mut objects.ip_reservations, name, origin),
            Self::L2Advertisement(object) => {
                put(object, &mut objects.l2_advertisements, name, origin);
            }
            Self::BGPSession(object) => put(object, &mut objects.bgp_sessions, name, origin),
            Self::ServiceBGPStatus(object) => {
                put(object, &mut objects.service_bgp_statuses, name, origin);
            }
            Self::ServiceL2Status(object) => {
                put(object, &mut objects.service_l2_statuses, name, origin);
            }
            Self::ConfigMap(object) => put(object, &mut objects.config_maps, name, origin),
            Self::EndpointSlice(Some(slice)) => {
                put(slice, &mut objects.endpoint_slices, name, origin);
            }
            // It is of no Service.
            Self::EndpointSlice(None) => {}
            Self::FRRConfiguration(object) => {
                put(object, &mut objects.frr_configurations, name, origin);
            }
            Self::Namespace(labels) => put(labels, &mut objects.namespaces, name, origin),
            Self::Node(object) => put(object, &mut objects.nodes, name, origin),
            Self::Secret(object) => put(object, &mut objects.secrets, name, origin),
            Self::Service(object) => put(object, &mut objects.services, name, origin),
            Self::ServiceCIDR(object) => put(object, &mut objects.service_cidrs, name, origin),
        }
    }
}

/// What `apiVersion` and `kind` of a document say.
pub(crate) enum Recognized {
    /// An object that is read.
    Object(Schema),
    /// A kind of our groups or the core group that there is not, or not in that version: most likely a typing error.
    Unknown,
    /// A kind that is nobody's business here.
    Foreign,
}

/// A kind in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The kind.
    pub(crate) kind: Kind,
    generation: Generation,
}

/// Which of the versions of a kind that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    Current,
    Deprecated,
}

impl Recognized {
    /// Tells what an object is.
    pub(crate) fn of(api_version: &str, kind: &str) -> Self {
        let current = |kind| {
            Self::Object(Schema {
                kind,
                generation: Generation::Current,
            })
        };
        match (api_version, kind) {
            ("metallb.io/v1beta2", "BGPPeer") => current(Kind::BGPPeer),
            ("metallb.io/v1beta1", "BGPPeer") => Self::Object(Schema {
                kind: Kind::BGPPeer,
                generation: Generation::Deprecated,
            }),
            ("metallb.io/v1beta1", "BFDProfile") => current(Kind::BFDProfile),
            ("metallb.io/v1beta1", "BGPAdvertisement") => current(Kind::BGPAdvertisement),
            ("ferrolb.io/v1alpha1", "BGPPolicy") => current(Kind::BGPPolicy),
            ("metallb.io/v1beta1", "Community") => current(Kind::Community),
            ("metallb.io/v1beta1", "ConfigurationState") => current(Kind::ConfigurationState),
            ("metallb.io/v1beta1", "IPAddressPool") => current(Kind::IPAddressPool),
            ("ferrolb.io/v1alpha1", "BGPSession") => current(Kind::BGPSession),
            ("ferrolb.io/v1alpha1", "IPReservation") => current(Kind::IPReservation),
            ("metallb.io/v1beta1", "L2Advertisement") => current(Kind::L2Advertisement),
            ("metallb.io/v1beta1", "ServiceBGPStatus") => current(Kind::ServiceBGPStatus),
            ("metallb.io/v1beta1", "ServiceL2Status") => current(Kind::ServiceL2Status),
            ("frrk8s.metallb.io/v1beta1", "FRRConfiguration") => current(Kind::FRRConfiguration),
            ("v1", "ConfigMap") => current(Kind::ConfigMap),
            ("discovery.k8s.io/v1", "EndpointSlice") => current(Kind::EndpointSlice),
            ("v1", "Namespace") => current(Kind::Namespace),
            ("v1", "Node") => current(Kind::Node),
            ("v1", "Secret") => current(Kind::Secret),
            ("v1", "Service") => current(Kind::Service),
            ("networking.k8s.io/v1", "ServiceCIDR") => current(Kind::ServiceCIDR),
            (version, _) if [Some(GROUP), Some(OWN_GROUP)].contains(&version.split('/').next()) => {
                Self::Unknown
            }
            ("v1", kind) if !CORE.contains(&kind.trim_end_matches("List")) => Self::Unknown,
            (version, _) if version != "v1" && !version.contains('/') => Self::Unknown,
            _ => Self::Foreign,
        }
    }
}

/// Why a document is not the object that it says it is.
#[derive(Clone, Debug)]
pub(crate) struct TypeFault {
    /// Path of the field.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) reason: Reason,
}

impl Schema {
    /// Reads the object `name` out of its document.
    pub(crate) fn read(
        self,
        name: &ObjectName,
        document: Value,
    ) -> Result<AnyObject, Vec<TypeFault>> {
        Ok(match (self.kind, self.generation) {
            (Kind::BFDProfile, _) => AnyObject::BFDProfile(Arc::new(ours(document)?)),
            (Kind::BGPAdvertisement, _) => AnyObject::BGPAdvertisement(Arc::new(ours(document)?)),
            (Kind::BGPPeer, Generation::Current) => AnyObject::BGPPeer(Arc::new(ours(document)?)),
            (Kind::BGPPeer, Generation::Deprecated) => AnyObject::BGPPeer(Arc::new(
                ours::<bgp_peer::v1beta1::BGPPeer>(document)?.into(),
            )),
            (Kind::BGPPolicy, _) => AnyObject::BGPPolicy(Arc::new(ours(document)?)),
            (Kind::Community, _) => AnyObject::Community(Arc::new(ours(document)?)),
            (Kind::ConfigurationState, _) => {
                AnyObject::ConfigurationState(Arc::new(theirs(document)?))
            }
            (Kind::IPAddressPool, _) => AnyObject::IPAddressPool(Arc::new(ours(document)?)),
            (Kind::IPReservation, _) => AnyObject::IPReservation(Arc::new(ours(document)?)),
            (Kind::L2Advertisement, _) => AnyObject::L2Advertisement(Arc::new(ours(document)?)),
            (Kind::BGPSession, _) => {
                AnyObject::BGPSession(Arc::new(ours::<BGPSession>(document)?.said()))
            }
            (Kind::ServiceBGPStatus, _) => {
                AnyObject::ServiceBGPStatus(Arc::new(ours::<ServiceBGPStatus>(document)?.said()))
            }
            (Kind::ServiceL2Status, _) => {
                AnyObject::ServiceL2Status(Arc::new(ours::<ServiceL2Status>(document)?.said()))
            }
            (Kind::FRRConfiguration, _) => AnyObject::FRRConfiguration(Arc::new(theirs(document)?)),
            (Kind::ConfigMap, _) => AnyObject::ConfigMap(Arc::new(theirs(document)?)),
            (Kind::EndpointSlice, _) => {
                let mut slice: EndpointSlice = theirs(document)?;
                slice.metadata.namespace = Some(name.namespace.to_string());
                AnyObject::EndpointSlice(translate::slice(&slice).map(Arc::new))
            }
            (Kind::Namespace, _) => {
                let mut namespace = theirs(document)?;
                fill_namespace(&mut namespace);
                AnyObject::Namespace(Arc::new(translate::namespace(&namespace)))
            }
            (Kind::Node, _) => AnyObject::Node(Arc::new(translate::node(&theirs(document)?))),
            (Kind::Secret, _) => AnyObject::Secret(Arc::new(theirs(document)?)),
            (Kind::Service, _) => {
                let mut service = theirs(document)?;
                fill_service(&mut service);
                AnyObject::Service(Arc::new(translate::service(&service)))
            }
            (Kind::ServiceCIDR, _) => AnyObject::ServiceCIDR(Arc::new(theirs(document)?)),
        })
    }
}

/// An object of our groups: a field that the kind does not have is a typing error and refused, as `kubectl` does.
pub(crate) fn ours<K: DeserializeOwned>(mut document: Value) -> Result<K, Vec<TypeFault>> {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
        // Advertisements for everything have no spec at all; an API server would let them pass.
        let spec = fields.entry("spec").or_insert(Value::Null);
        if spec.is_null() {
            *spec = Value::Object(serde_json::Map::new());
        }
        prune_nulls(spec);
    }
    let mut unknown = Vec::new();
    let object = {
        let mut on_unknown =
            |path: serde_ignored::Path<'_>| unknown.push(field_path(&path.to_string()));
        let known = serde_ignored::Deserializer::new(document, &mut on_unknown);
        serde_path_to_error::deserialize(known).map_err(|error| vec![type_fault(&error)])?
    };
    // A status is ours to write, whoever exported it with what version.
    unknown.retain(|field| field.starts_with("spec") || field.starts_with("metadata"));
    if unknown.is_empty() {
        Ok(object)
    } else {
        Err(unknown
            .into_iter()
            .map(|field| TypeFault {
                field,
                reason: Reason::UnknownField,
            })
            .collect())
    }
}

/// A field that is null is a field that is absent: none of our kinds has one that is nullable.
fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

/// An object of another group: it may have fields that are newer than what is known here.
fn theirs<K: DeserializeOwned>(document: Value) -> Result<K, Vec<TypeFault>> {
    serde_path_to_error::deserialize(document).map_err(|error| vec![type_fault(&error)])
}

fn type_fault(error: &serde_path_to_error::Error<serde_json::Error>) -> TypeFault {
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let message = error.inner().to_string();
    let missing = message
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) if path.is_empty() => TypeFault {
            field: name.to_owned(),
            reason: Reason::Missing,
        },
        Some(name) => TypeFault {
            field: format!("{path}.{name}"),
            reason: Reason::Missing,
        },
        None => TypeFault {
            field: path,
            reason: Reason::Invalid(message),
        },
    }
}

/// `spec.nodeSelectors.0.?.foo`, as `serde_ignored` writes a path, in the form `spec.nodeSelectors[0].foo`.
fn field_path(path: &str) -> String {
    let mut field = String::with_capacity(path.len());
    for segment in path.split('.').filter(|segment| *segment != "?") {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            field.push('[');
            field.push_str(segment);
            field.push(']');
        } else {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(segment);
        }
    }
    field
}

/// The kinds of `v1` that are not read. There will be no others: what Kubernetes adds has a group.
const CORE: [&str; 14] = [
    "Binding",
    "ComponentStatus",
    // That of kubectl.
    "Config",
    "Endpoints",
    "Event",
    "LimitRange",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "ServiceAccount",
    // A list of whatever; its items say what they are.
    "",
];
