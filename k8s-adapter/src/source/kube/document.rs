//! What is read of an object that an API server sends: of each kind as much as is needed, and of no object its
//! `managedFields`, which are often the greater part.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::net::IpAddr;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, PodIP, Secret,
    Service, ServiceSpec, ServiceStatus,
};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::api::networking::v1::{ServiceCIDR, ServiceCIDRSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::{ApiResource, DynamicResourceScope};
use kube::{Resource, ResourceExt};
use planner::selector::Labels;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::crd::{FRRConfiguration, FRRConfigurationSpec};
use crate::sink::kube::CONTROLLER;
use crate::source::object::{TypeFault, ours};
use crate::translate::{
    self, IP_ALLOCATED_FROM_POOL, LAST_GOOD_TYPE, ObjectName, Said, Slice, Stamp, Status,
};

/// An object on the wire, and what is made of it.
pub(super) trait Wire: DeserializeOwned + Clone + Send + Sync + 'static {
    /// What is kept.
    type Object: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// Whether the server is asked for nothing but the metadata.
    const METADATA_ALONE: bool = false;

    /// Takes the object apart: its metadata, and what is kept of it, if anything.
    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>);
}

/// An object as it comes out of a response. It is translated while the response is read, so that a page of large objects
/// never is in memory as such. `Debug` does not show it: it may be a Secret.
#[derive(Clone)]
pub(super) struct Document<W: Wire> {
    metadata: ObjectMeta,
    /// What is kept of it, if anything.
    pub(super) object: Result<Option<W::Object>, Vec<TypeFault>>,
}

impl<W: Wire> Debug for Document<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not all of the metadata either: kubectl notes there what was applied.
        f.debug_struct("Document")
            .field("name", &self.metadata.name)
            .finish_non_exhaustive()
    }
}

impl<W: Wire> Document<W> {
    pub(super) fn object_name(&self) -> ObjectName {
        let namespace = self.metadata.namespace.as_deref().unwrap_or_default();
        ObjectName::new(namespace, self.name_any())
    }

    pub(super) fn stamp(&self) -> Stamp {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
        Stamp {
            uid: text(&self.metadata.uid),
            resource_version: text(&self.metadata.resource_version),
        }
    }
}

impl<'de, W: Wire> Deserialize<'de> for Document<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (metadata, object) = W::deserialize(deserializer)?.read();
        if metadata.name.is_none() {
            return Err(D::Error::custom("an object without metadata.name"));
        }
        Ok(Self { metadata, object })
    }
}

impl<W: Wire> Resource for Document<W> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        W::METADATA_ALONE
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The metadata that somebody here looks at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Time>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

impl From<Metadata> for ObjectMeta {
    fn from(metadata: Metadata) -> Self {
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            creation_timestamp: metadata.creation_timestamp,
            labels: metadata.labels,
            annotations: metadata.annotations,
            ..Self::default()
        }
    }
}

/// What identifies an object: all that is left of its metadata once it has been translated.
fn identity(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        ..ObjectMeta::default()
    }
}

/// A Service.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceWire {
    #[serde(default)]
    metadata: Metadata,
    spec: Option<ServiceSpec>,
    status: Option<ServiceStatus>,
}

impl Wire for ServiceWire {
    type Object = planner::service::Service;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let service = Service {
            metadata: self.metadata.into(),
            spec: self.spec,
            status: self.status,
        };
        let object = translate::service(&service);
        (identity(service.metadata), Ok(Some(object)))
    }
}

/// The metadata of a Service: whether it was ever given an address.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceMetadataWire {
    #[serde(default)]
    metadata: CarrierMetadata,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CarrierMetadata {
    #[serde(flatten)]
    common: Metadata,
    managed_fields: Vec<Manager>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Manager {
    manager: String,
}

impl Wire for ServiceMetadataWire {
    type Object = ();

    const METADATA_ALONE: bool = true;

    fn read(self) -> (ObjectMeta, Result<Option<()>, Vec<TypeFault>>) {
        let metadata = self.metadata;
        let annotations = metadata.common.annotations.as_ref();
        let has_pool = annotations.is_some_and(|all| all.contains_key(IP_ALLOCATED_FROM_POOL));
        let has_status = metadata
            .managed_fields
            .iter()
            .any(|fields| fields.manager == CONTROLLER);
        let carries = (has_pool || has_status).then_some(());
        (identity(metadata.common.into()), Ok(carries))
    }
}

/// An EndpointSlice.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct EndpointSliceWire {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    endpoints: Option<Vec<Endpoint>>,
}

impl Wire for EndpointSliceWire {
    type Object = Slice;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let slice = EndpointSlice {
            metadata: self.metadata.into(),
            endpoints: self.endpoints,
            ..EndpointSlice::default()
        };
        let object = translate::slice(&slice);
        (identity(slice.metadata), Ok(object))
    }
}

/// A Node, without the images on it and all else that grows.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NodeWire {
    #[serde(default)]
    metadata: Metadata,
    spec: Option<NodeSpec>,
    status: Option<NodeStatusWire>,
}

#[derive(Clone, Debug, Deserialize)]
struct NodeStatusWire {
    #[serde(default)]
    addresses: Option<Vec<NodeAddress>>,
    #[serde(default)]
    conditions: Option<Vec<NodeCondition>>,
}

impl Wire for NodeWire {
    type Object = planner::node::Node;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let status = self.status.map(|status| NodeStatus {
            addresses: status.addresses,
            conditions: status.conditions,
            ..NodeStatus::default()
        });
        let node = Node {
            metadata: self.metadata.into(),
            spec: self.spec,
            status,
        };
        let object = translate::node(&node);
        (identity(node.metadata), Ok(Some(object)))
    }
}

/// A Pod: where it is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PodWire {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: PodStatusWire,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatusWire {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<PodIP>>,
}

impl Wire for PodWire {
    /// The addresses of one that runs.
    type Object = BTreeSet<IpAddr>;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let status = self.status;
        let has_ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
        let several = status.pod_ips.into_iter().flatten().map(|ip| ip.ip);
        let texts = several.chain(status.pod_ip);
        let addresses = texts.filter_map(|text| text.parse().ok()).collect();
        let object = (!has_ended).then_some(addresses);
        (identity(self.metadata.into()), Ok(object))
    }
}

/// A Namespace.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NamespaceWire {
    #[serde(default)]
    metadata: Metadata,
}

impl Wire for NamespaceWire {
    type Object = Labels;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let namespace = Namespace {
            metadata: self.metadata.into(),
            ..Namespace::default()
        };
        let object = translate::namespace(&namespace);
        (identity(namespace.metadata), Ok(Some(object)))
    }
}

/// A ServiceCIDR.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServiceCidrWire {
    #[serde(default)]
    metadata: Metadata,
    spec: Option<ServiceCIDRSpec>,
}

impl Wire for ServiceCidrWire {
    type Object = ServiceCIDR;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let metadata = identity(self.metadata.into());
        let range = ServiceCIDR {
            metadata: metadata.clone(),
            spec: self.spec,
            status: None,
        };
        (metadata, Ok(Some(range)))
    }
}

/// A Secret. Without `Debug`, which would show it.
#[derive(Clone, Deserialize)]
pub(super) struct SecretWire {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, ByteString>>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Wire for SecretWire {
    type Object = Secret;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let metadata = identity(self.metadata.into());
        // Others, such as the releases of Helm, may be large. That they are there and of what type is enough to know.
        let is_read = matches!(
            self.kind.as_deref(),
            Some(BASIC_AUTH | OPAQUE | LAST_GOOD_TYPE)
        );
        let secret = Secret {
            metadata: metadata.clone(),
            data: self.data.filter(|_| is_read),
            type_: self.kind,
            ..Secret::default()
        };
        (metadata, Ok(Some(secret)))
    }
}

/// A ConfigMap.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ConfigMapWire {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl Wire for ConfigMapWire {
    type Object = ConfigMap;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let metadata = identity(self.metadata.into());
        let config_map = ConfigMap {
            metadata: metadata.clone(),
            data: self.data,
            ..ConfigMap::default()
        };
        (metadata, Ok(Some(config_map)))
    }
}

/// An FRRConfiguration, another project's, so that nothing in it is at fault here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FrrConfigurationWire {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: FRRConfigurationSpec,
}

impl Wire for FrrConfigurationWire {
    type Object = FRRConfiguration;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let metadata = identity(self.metadata.into());
        let configuration = FRRConfiguration {
            metadata: metadata.clone(),
            spec: self.spec,
        };
        (metadata, Ok(Some(configuration)))
    }
}

/// An object of a kind of our own. It may hold what no type of ours takes, since a server checks no more than its
/// schema, and an older schema less: then it is one object at fault, and not the end of the watch. Without `Debug`, which
/// would show the password of a peer.
#[derive(Clone)]
pub(super) struct CustomWire<K> {
    document: Value,
    kind: PhantomData<fn() -> K>,
}

impl<'de, K> Deserialize<'de> for CustomWire<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            document: Value::deserialize(deserializer)?,
            kind: PhantomData,
        })
    }
}

impl<K> Wire for CustomWire<K>
where
    K: DeserializeOwned + Clone + Debug + PartialEq + Send + Sync + 'static,
{
    type Object = K;

    fn read(mut self) -> (ObjectMeta, Result<Option<K>, Vec<TypeFault>>) {
        let metadata = self.document.get_mut("metadata");
        if let Some(Value::Object(metadata)) = metadata {
            metadata.remove("managedFields");
        }
        let metadata = self.document.get("metadata");
        let metadata = metadata.and_then(|metadata| Metadata::deserialize(metadata).ok());
        let metadata = identity(metadata.unwrap_or_default().into());
        (metadata, ours(self.document).map(Some))
    }
}

/// A status object: what it says.
#[derive(Clone)]
pub(super) struct StatusWire<K>(CustomWire<K>);

impl<'de, K> Deserialize<'de> for StatusWire<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CustomWire::deserialize(deserializer).map(Self)
    }
}

impl<K> Wire for StatusWire<K>
where
    CustomWire<K>: Wire<Object = K>,
    K: Status + Clone + 'static,
{
    type Object = Option<Said>;

    fn read(self) -> (ObjectMeta, Result<Option<Self::Object>, Vec<TypeFault>>) {
        let (metadata, object) = self.0.read();
        let said = object.map(|object| object.map(|object| object.said()));
        (metadata, said)
    }
}

/// The type of Secrets with a user's name and password.
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";
/// The type of Secrets of no type.
const OPAQUE: &str = "Opaque";

#[cfg(test)]
mod tests;
